#include "kernels/train_rows.h"

#include <ATen/Parallel.h>

#include "base/error.h"
#include "base/philox.h"
#include "kernel_test.h"
#include "kernels/decoder_rows.h"

using namespace vega;
using namespace vega::test;

namespace {

double apart(const at::Tensor& got, const at::Tensor& want) {
  return ((got.to(at::kDouble) - want).norm() / want.norm()).item<double>();
}

// A few roundings of the type a value.
double bar_of(at::ScalarType type) { return type == at::kFloat ? 4 * kUlp : 4 * 0x1p-9; }

at::Tensor leaf_of(const at::Tensor& value) {
  return value.detach().to(at::kDouble).requires_grad_(true);
}

}  // namespace

TEST_CASE("backward passes of the norm and of SwiGLU are LibTorch's in float64") {
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    for (const std::int64_t width : {1, 33, 896}) {
      CAPTURE(type, width);
      const at::Tensor x = random({7, width}, 1).to(type), up = random({7, width}, 2).to(type),
                       dy = random({7, width}, 3).to(type),
                       weight = (random({width}, 4) + 1).to(type);
      const at::Tensor wide = leaf_of(x), other = leaf_of(up);
      const at::Tensor scale = at::rsqrt(wide.square().mean(-1, true) + 1e-6);
      (wide * scale * weight.to(at::kDouble) * dy.to(at::kDouble)).sum().backward();
      const at::Tensor dx = kernels::rms_norm_backward(dy, x, weight, 1e-6);
      // With one channel the norm is a sign, whose slope is 0.
      if (width > 1) CHECK(apart(dx, wide.grad()) < 4 * bar_of(type));
      wide.mutable_grad().reset();
      const at::Tensor product = at::silu(wide) * other;
      (product * dy.to(at::kDouble)).sum().backward();
      CHECK(apart(kernels::swiglu(x, up), product.detach()) < bar_of(type));
      const auto [d_gate, d_up] = kernels::swiglu_backward(dy, x, up);
      CHECK(apart(d_gate, wide.grad()) < bar_of(type));
      CHECK(apart(d_up, other.grad()) < bar_of(type));
      at::Tensor gate = x.clone();
      kernels::swiglu_(gate, up);
      CHECK(at::equal(gate, kernels::swiglu(x, up)));
    }
  }
}

TEST_CASE("dropout keeps by Philox, whatever the threads, up to the last element") {
  for (const std::int64_t count : {1, 4, 63, 64, 65, 20000, 100003}) {
    for (const double p : {0.0, 0.05, 0.5, 0.999}) {
      const std::uint64_t seed = 0x123456789abcdefULL, hash = 0xfedcba9876543210ULL;
      const at::Tensor keep = kernels::dropout_keep(count, p, seed, 17, hash);
      std::int64_t wrong = 0;
      const auto* got = keep.const_data_ptr<std::uint8_t>();
      for (std::int64_t e = 0; e < count; ++e) {
        const auto words =
            philox4x32({static_cast<std::uint32_t>(e / 4), 17, static_cast<std::uint32_t>(hash),
                        static_cast<std::uint32_t>(hash >> 32)},
                       philox_key(seed));
        const bool kept = !(philox_unit(words[static_cast<std::size_t>(e % 4)]) < p);
        if (got[e] != static_cast<std::uint8_t>(kept)) ++wrong;
      }
      CAPTURE(count, p);
      CHECK(wrong == 0);
      const int threads = at::get_num_threads();
      at::set_num_threads(1);
      CHECK(at::equal(kernels::dropout_keep(count, p, seed, 17, hash), keep));
      at::set_num_threads(threads);
    }
  }
}

TEST_CASE("dropout is applied as LibTorch multiplies, in place too") {
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    const at::Tensor x = random({37, 41}, 5).to(type), onto = random({37, 41}, 6).to(type);
    const at::Tensor keep = kernels::dropout_keep(37 * 41, 0.3, 1, 2, 3);
    const at::Tensor mask =
        (keep.to(at::kFloat) * static_cast<float>(1 / 0.7)).to(type).view({37, 41});
    CHECK(at::equal(kernels::dropout_apply(x, keep, 0.3), x * mask));
    at::Tensor sum = onto.clone();
    kernels::dropout_add_(sum, x, keep, 0.3);
    const at::Tensor want = onto.to(at::kDouble) + x.to(at::kDouble) * mask.to(at::kDouble);
    CHECK(apart(sum, want) < bar_of(type));
    CHECK_THROWS_AS(kernels::dropout_apply(x, keep.narrow(0, 0, 8), 0.3), InputError);
  }
}

TEST_CASE("the gradient of a softmax, and NaN that stays") {
  const std::int64_t vocab = 9001;
  at::Tensor logits = random({5, vocab}, 7) * 9;
  const at::Tensor targets = at::tensor({0, 9000, 77, 4096, 5}, at::kLong);
  const at::Tensor weights = at::tensor({1.0F, 0.5F, 2.0F, 0.1F, 1.0F});
  const at::Tensor wide = leaf_of(logits);
  const at::Tensor rows = at::cross_entropy_loss(wide, targets, {}, at::Reduction::None);
  (rows * weights.to(at::kDouble)).sum().backward();
  at::Tensor entropies = at::empty({5});
  kernels::softmax_gradient_(logits, targets, weights, entropies);
  CHECK(apart(entropies, rows.detach()) < 1e-6);
  CHECK(apart(logits, wide.grad()) < 1e-6);
  at::Tensor bad = random({2, 40}, 8);
  bad[0][17] = std::nanf("");
  at::Tensor two = at::empty({2});
  kernels::softmax_gradient_(bad, targets.slice(0, 2, 5, 2) % 40, weights.narrow(0, 0, 2), two);
  CHECK(std::isnan(two[0].item<float>()));
  CHECK(std::isfinite(two[1].item<float>()));
}
