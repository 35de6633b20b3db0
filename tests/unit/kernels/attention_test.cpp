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

TEST_CASE("scores are taken in equal steps within their memory") {
  using Steps = kernels::ScoreSteps;
  const auto map_bytes = [](std::int64_t frames, std::int64_t length) {
    return frames * length * 64 * 96 * 2;  // of the VAE's first level in bfloat16
  };
  struct Case {
    std::int64_t frames, length, bytes;
    Steps want;
  };
  for (const Case& c : {Case{32, 6240, map_bytes(32, 6240), {8, 6240}},     // 832x480
                        Case{32, 14400, map_bytes(32, 14400), {4, 14400}},  // 1280x720
                        Case{1, 6240, map_bytes(1, 6240), {1, 2176}},
                        Case{13, 14400, std::int64_t{24} * 14400 * 14400, {5, 14400}},
                        Case{5, 96, kernels::kScoreBytes, {5, 96}}, Case{5, 100, 1, {1, 100}},
                        Case{5, 1000, 1, {1, 128}}}) {
    CAPTURE(c.frames, c.length, c.bytes);
    const Steps got = kernels::score_steps(c.frames, c.length, c.bytes);
    CHECK(got == c.want);
    CHECK((got.frames * got.rows * c.length * 4 <= c.bytes || got.rows <= 128));
  }
}

TEST_CASE("vae_attention is the same however many scores a step has") {
  on_all([](at::Device device, at::ScalarType type) {
    const std::int64_t frames = 3, tokens = 131, width = 32;
    const auto xhat = random({frames, tokens, width}, 1, 0.18).to(device, type);
    const auto q = random({frames, tokens, width}, 2, 2).to(device, type);
    const auto v = random({frames, tokens, width}, 3).to(device, type);
    const auto want = ref::attention(values(q), values(xhat), values(v), frames, width);
    const std::int64_t two = 2 * 4 * tokens * tokens;  // bytes of two frames: the third overlaps
    const auto whole = kernels::vae_attention(xhat, q, v, two);
    compare(whole, want, width, 4);
    for (const std::int64_t bytes : {kernels::kScoreBytes, std::int64_t{1}}) {
      CAPTURE(bytes);
      compare(kernels::vae_attention(xhat, q, v, bytes), want, width, 4);
    }
    const auto twice = [](const at::Tensor& t) { return t[2].expand({2, -1, -1}).contiguous(); };
    const auto alone = kernels::vae_attention(twice(xhat), twice(q), twice(v), two);
    CHECK(same_bits(alone[0], whole[2]));
    CHECK(same_bits(alone[1], whole[2]));
  });
}

TEST_CASE("attention refuses what it cannot do") {
  const auto q = random({1, 2, 5, 8}, 1);
  CHECK_THROWS_AS(kernels::softmax_attention(q, q, q[0]), InputError);
  CHECK_THROWS_AS(kernels::softmax_attention(q, q.to(at::kBFloat16), q), InputError);
  CHECK_THROWS_AS(kernels::softmax_attention(q, random({1, 2, 5, 4}, 1), q), InputError);
  CHECK_THROWS_AS(kernels::vae_attention(q[0], q[0], q), InputError);
}
