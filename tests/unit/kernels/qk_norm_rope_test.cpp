#include "kernels/qk_norm_rope.h"

#include "base/error.h"
#include "kernel_test.h"
#include "kernels/attention.h"

using namespace vega;
using namespace vega::test;

namespace {

// Cosine and sine of token- and pair-dependent angles.
at::Tensor angles(std::int64_t tokens, std::int64_t pairs) {
  const auto angle = random({tokens, pairs}, 77, 3);
  return at::stack({angle.cos(), angle.sin()}, -1).contiguous();
}

}  // namespace

TEST_CASE("qk_norm_rope_ agrees with the oracle") {
  struct Case {
    std::int64_t frames, tokens;
    int heads;
    std::int64_t head_dim;
  };
  on_all([](at::Device device, at::ScalarType type) {
    for (const Case c :
         {Case{1, 1, 1, 2}, Case{2, 7, 3, 6}, Case{1, 13, 2, 128}, Case{2, 5, 12, 128},
          Case{1, 3, 5, 20}, Case{1, 2, 40, 128}, Case{1, 2, 160, 128}}) {
      CAPTURE(c.heads, c.head_dim);
      const std::int64_t width = c.heads * c.head_dim;
      const auto qkv = random({c.frames, c.tokens, 3 * width}, 1, 2).to(device, type);
      auto in_place = qkv.clone();
      const auto wq = random({width}, 2, 0.3, 1).to(device);
      const auto wk = random({width}, 3, 0.3, 1).to(device);
      const auto rope = angles(c.tokens, c.head_dim / 2).to(device);
      const auto out = kernels::qk_norm_rope_(in_place, wq, wk, rope, c.heads, 1e-6);
      const auto size = [](std::int64_t n) { return static_cast<std::size_t>(n); };
      const ref::QkNormRope p{size(c.frames), size(c.tokens), size(c.heads), size(c.head_dim),
                              1e-6};
      for (std::size_t part = 0; part < 3; ++part) {
        CAPTURE(part);
        CHECK(out[part].is_alias_of(in_place));
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

TEST_CASE("qk_norm_rope_: a frame's bits do not depend on its batch") {
  on_all([](at::Device device, at::ScalarType type) {
    auto qkv = random({3, 5, 3 * 64}, 4).to(device, type);
    auto last = qkv.narrow(0, 2, 1).clone();
    const auto w = random({64}, 5, 0.3, 1).to(device);
    const auto rope = angles(5, 16).to(device);
    const auto all = kernels::qk_norm_rope_(qkv, w, w, rope, 2, 1e-6);
    const auto one = kernels::qk_norm_rope_(last, w, w, rope, 2, 1e-6);
    for (std::size_t part = 0; part < 3; ++part) {
      CHECK(same_bits(one[part], all[part].narrow(0, 2, 1)));
    }
  });
}

TEST_CASE("qk_norm_rope_ of memory that is not aligned, and what attention makes of its views") {
  on_all([](at::Device device, at::ScalarType type) {
    const auto rope = angles(5, 8).to(device);
    const auto w = random({33}, 5, 0.3, 1).to(device).narrow(0, 1, 32);
    auto room = random({1 + 5 * 96}, 6).to(device, type);
    auto shifted = room.narrow(0, 1, 5 * 96).view({1, 5, 96});  // an odd address
    auto plain = shifted.clone();
    const auto a = kernels::qk_norm_rope_(shifted, w, w, rope, 2, 1e-6);
    const auto b = kernels::qk_norm_rope_(plain, w.clone(), w.clone(), rope, 2, 1e-6);
    for (std::size_t part = 0; part < 3; ++part) {
      const double half = type == at::kBFloat16 ? 0x1p-7 : 8 * kUlp;  // another order of sums
      check_close(a[part].to(at::kFloat), values(b[part]), half, half);
    }
    const auto mixed = kernels::softmax_attention(b[0], b[1], b[2]);
    CHECK(mixed.is_contiguous());
    const auto copied =
        kernels::softmax_attention(b[0].contiguous(), b[1].contiguous(), b[2].contiguous());
    if (device.is_cpu()) CHECK(same_bits(mixed, copied));
    check_close(mixed.to(at::kFloat), values(copied), 0x1p-7, 0x1p-7);
  });
}

TEST_CASE("qk_norm_rope_ refuses what it cannot do") {
  auto qkv = random({1, 2, 24}, 1);
  auto half = qkv.to(at::kHalf);
  const auto w = random({8}, 2);
  const auto rope = angles(2, 2);
  CHECK_NOTHROW(kernels::qk_norm_rope_(qkv, w, w, rope, 2, 1e-6));
  CHECK_THROWS_AS(kernels::qk_norm_rope_(qkv, w, w, rope, 3, 1e-6), InputError);
  CHECK_THROWS_AS(kernels::qk_norm_rope_(qkv, w, w, angles(3, 2), 2, 1e-6), InputError);
  CHECK_THROWS_AS(kernels::qk_norm_rope_(qkv, w, random({7}, 1), rope, 2, 1e-6), InputError);
  CHECK_THROWS_AS(kernels::qk_norm_rope_(half, w, w, rope, 2, 1e-6), InputError);
}
