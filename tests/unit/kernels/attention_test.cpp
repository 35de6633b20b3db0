#include "kernels/attention.h"

#include "base/error.h"
#include "kernel_test.h"

using namespace vega;
using namespace vega::test;

namespace {

// Scores cost a sum of `width` products each, the mean over keys averages. In bfloat16 the fused
// kernels round the unnormalised weights too: 2^-8 of a weight, so of the largest value.
void compare(const at::Tensor& got, const ref::Values& want, std::int64_t width, double top_value) {
  const double scores = static_cast<double>(width + 20) * 4 * kUlp;
  const double weights = got.scalar_type() == at::kBFloat16 ? 0x1p-8 : 0;
  check_close(got, want, scores, (scores + weights) * top_value);
}

}  // namespace

TEST_CASE("softmax_attention agrees with the oracle") {
  on_all([](at::Device device, at::ScalarType type) {
    struct Case {
      std::int64_t frames, heads, tokens, head_dim;
    };
    for (const Case c : {Case{1, 1, 1, 8}, Case{2, 3, 37, 16}, Case{1, 2, 130, 128}}) {
      CAPTURE(c.tokens, c.head_dim);
      const std::vector<std::int64_t> shape{c.frames, c.heads, c.tokens, c.head_dim};
      const double spread = 1 / std::sqrt(static_cast<double>(c.head_dim));
      const auto q = random(shape, 1, 2 * spread).to(device, type);
      const auto k = random(shape, 2).to(device, type);
      const auto v = random(shape, 3).to(device, type);
      const auto y = kernels::softmax_attention(q, k, v);
      CHECK(y.sizes() == at::IntArrayRef({c.frames, c.tokens, c.heads * c.head_dim}));
      CHECK(y.is_contiguous());
      const auto heads_first =
          y.view({c.frames, c.tokens, c.heads, c.head_dim}).transpose(1, 2).contiguous();
      const auto want = ref::attention(values(q), values(k), values(v),
                                       static_cast<std::size_t>(c.frames * c.heads),
                                       static_cast<std::size_t>(c.head_dim));
      compare(heads_first, want, c.head_dim, 4);
    }
  });
}

TEST_CASE("vae_attention agrees with the oracle") {
  on_all([](at::Device device, at::ScalarType type) {
    struct Case {
      std::int64_t frames, tokens, width;
    };
    for (const Case c : {Case{1, 1, 8}, Case{2, 35, 32}, Case{1, 200, 384}, Case{1, 129, 96}}) {
      CAPTURE(c.tokens, c.width);
      const std::vector<std::int64_t> shape{c.frames, c.tokens, c.width};
      const double spread = 1 / std::sqrt(static_cast<double>(c.width));
      const auto xhat = random(shape, 1, spread).to(device, type);
      const auto q = random(shape, 2, 2).to(device, type);
      const auto v = random(shape, 3).to(device, type);
      const auto y = kernels::vae_attention(xhat, q, v);
      CHECK(y.sizes() == v.sizes());
      CHECK(y.is_contiguous());
      const auto want =
          ref::attention(values(q), values(xhat), values(v), static_cast<std::size_t>(c.frames),
                         static_cast<std::size_t>(c.width));
      compare(y, want, c.width, 4);
    }
  });
}

TEST_CASE("vae_attention in chunks of queries is the same as in one") {
  for (const auto device : devices()) {
    // 8200 keys of float32 scores: more than one chunk on CUDA.
    const auto xhat = random({1, 8200, 8}, 1, 0.35).to(device);
    const auto q = random({1, 8200, 8}, 2, 2).to(device);
    const auto v = random({1, 8200, 8}, 3).to(device);
    const auto y = kernels::vae_attention(xhat, q, v);
    const auto last = ref::attention(values(q.narrow(1, 8190, 10)), values(xhat), values(v), 1, 8);
    compare(y.narrow(1, 8190, 10), last, 8, 4);
  }
}

TEST_CASE("attention refuses what it cannot do") {
  const auto q = random({1, 2, 5, 8}, 1);
  CHECK_THROWS_AS(kernels::softmax_attention(q, q, q[0]), InputError);
  CHECK_THROWS_AS(kernels::softmax_attention(q, q.to(at::kBFloat16), q), InputError);
  CHECK_THROWS_AS(kernels::softmax_attention(q, random({1, 2, 5, 4}, 1), q), InputError);
  CHECK_THROWS_AS(kernels::vae_attention(q[0], q[0], q), InputError);
}
