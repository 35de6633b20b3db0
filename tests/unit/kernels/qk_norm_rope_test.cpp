#include "kernels/qk_norm_rope.h"

#include "base/error.h"
#include "kernel_test.h"

using namespace vega;
using namespace vega::test;

namespace {

// Cosine and sine of token- and pair-dependent angles.
at::Tensor angles(std::int64_t tokens, std::int64_t pairs) {
  const auto angle = random({tokens, pairs}, 77, 3);
  return at::stack({angle.cos(), angle.sin()}, -1).contiguous();
}

}  // namespace

TEST_CASE("qk_norm_rope agrees with the oracle") {
  struct Case {
    std::int64_t frames, tokens;
    int heads;
    std::int64_t head_dim;
  };
  on_all([](at::Device device, at::ScalarType type) {
    for (const Case c : {Case{1, 1, 1, 2}, Case{2, 7, 3, 6}, Case{1, 13, 2, 128},
                         Case{2, 5, 12, 128}, Case{1, 3, 5, 20}, Case{1, 2, 40, 128}}) {
      CAPTURE(c.heads, c.head_dim);
      const std::int64_t width = c.heads * c.head_dim;
      const auto qkv = random({c.frames, c.tokens, 3 * width}, 1, 2).to(device, type);
      const auto wq = random({width}, 2, 0.3, 1).to(device);
      const auto wk = random({width}, 3, 0.3, 1).to(device);
      const auto rope = angles(c.tokens, c.head_dim / 2).to(device);
      const auto out = kernels::qk_norm_rope(qkv, wq, wk, rope, c.heads, 1e-6);
      const auto size = [](std::int64_t n) { return static_cast<std::size_t>(n); };
      const ref::QkNormRope p{size(c.frames), size(c.tokens), size(c.heads), size(c.head_dim),
                              1e-6};
      for (std::size_t part = 0; part < 3; ++part) {
        CAPTURE(part);
        CHECK(out[part].is_contiguous());
        CHECK(out[part].sizes() == at::IntArrayRef({c.frames, c.heads, c.tokens, c.head_dim}));
        const auto want =
            ref::qk_norm_rope(values(qkv), values(part == 0 ? wq : wk), values(rope), part, p);
        double top = 0;
        for (const double v : want) top = std::max(top, std::abs(v));
        // A rotated value may be small where its pair is not: the error is that of the pair.
        const double t = part == 2 ? 0 : (static_cast<double>(width) / 64 + 10) * kUlp;
        check_close(out[part], want, t, t * top);
      }
    }
  });
}

TEST_CASE("qk_norm_rope: a frame's bits do not depend on its batch") {
  on_all([](at::Device device, at::ScalarType type) {
    const auto qkv = random({3, 5, 3 * 64}, 4).to(device, type);
    const auto w = random({64}, 5, 0.3, 1).to(device);
    const auto rope = angles(5, 16).to(device);
    const auto all = kernels::qk_norm_rope(qkv, w, w, rope, 2, 1e-6);
    const auto one = kernels::qk_norm_rope(qkv.narrow(0, 2, 1), w, w, rope, 2, 1e-6);
    for (std::size_t part = 0; part < 3; ++part) {
      CHECK(same_bits(one[part], all[part].narrow(0, 2, 1)));
    }
  });
}

TEST_CASE("qk_norm_rope refuses what it cannot do") {
  const auto qkv = random({1, 2, 24}, 1);
  const auto w = random({8}, 2);
  const auto rope = angles(2, 2);
  CHECK_NOTHROW(kernels::qk_norm_rope(qkv, w, w, rope, 2, 1e-6));
  CHECK_THROWS_AS(kernels::qk_norm_rope(qkv, w, w, rope, 3, 1e-6), InputError);
  CHECK_THROWS_AS(kernels::qk_norm_rope(qkv, w, w, angles(3, 2), 2, 1e-6), InputError);
  CHECK_THROWS_AS(kernels::qk_norm_rope(qkv, w, random({7}, 1), rope, 2, 1e-6), InputError);
  CHECK_THROWS_AS(kernels::qk_norm_rope(qkv.to(at::kHalf), w, w, rope, 2, 1e-6), InputError);
}
