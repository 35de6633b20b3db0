#include "kernels/layer_norm.h"

#include "base/error.h"
#include "kernel_test.h"

using namespace vega;
using namespace vega::test;

namespace {

// Mean and variance are sums of D values in at least 32 lanes; their error shows as a shift and a
// scale.
void compare_norm(const at::Tensor& got, const at::Tensor& x, double eps) {
  const double t = 2 * (static_cast<double>(x.size(-1)) / 32 + 8) * kUlp;
  check_close(got, ref::layer_norm(values(x), static_cast<std::size_t>(x.size(-1)), eps), t, t);
}

}  // namespace

TEST_CASE("layer_norm agrees with the oracle") {
  on_all([](at::Device device, at::ScalarType type) {
    for (const std::int64_t width : {1, 4, 31, 37, 256, 1000, 1536, 5120, 16388}) {
      CAPTURE(width);
      const auto x = random({2, 3, width}, 1, 2, 3).to(device);
      const auto y = kernels::layer_norm(x, 1e-6, type);
      CHECK(y.scalar_type() == type);
      compare_norm(y, x, 1e-6);
    }
  });
}

TEST_CASE("layer_norm's eps counts where the variance is small") {
  on_all([](at::Device device, at::ScalarType type) {
    const auto x = random({1, 5, 128}, 2, 1e-3).to(device);
    compare_norm(kernels::layer_norm(x, 1e-6, type), x, 1e-6);
    const auto flat = at::full({1, 2, 64}, 0.5, x.options());
    CHECK(kernels::layer_norm(flat, 1e-6, type).abs().max().item<float>() == 0);
  });
}

TEST_CASE("add_layer_norm_ is the addition, then layer_norm") {
  on_all([](at::Device device, at::ScalarType type) {
    for (const std::int64_t width : {31, 256, 1536}) {
      for (const auto out : {at::kFloat, at::kBFloat16}) {
        const auto before = random({2, 3, width}, 3, 2).to(device);
        const auto y = random({2, 3, width}, 4).to(device, type);
        auto x = before.clone();
        const auto normed = kernels::add_layer_norm_(x, y, 1e-6, out);
        CHECK(same_bits(x, before + y.to(at::kFloat)));
        CHECK(same_bits(normed, kernels::layer_norm(x, 1e-6, out)));
        auto sum = before.clone();
        kernels::add_(sum, y);
        CHECK(same_bits(sum, x));
      }
    }
  });
}

TEST_CASE("a row's norm does not depend on its place") {
  on_all([](at::Device device, at::ScalarType type) {
    const auto x = random({5, 4, 300}, 5).to(device);
    const auto all = kernels::layer_norm(x, 1e-6, type);
    CHECK(same_bits(all[3], kernels::layer_norm(x[3].contiguous(), 1e-6, type)));
  });
}

TEST_CASE("layer_norm refuses what it cannot do") {
  auto x = random({2, 3, 8}, 1);
  CHECK_THROWS_AS(kernels::layer_norm(x.to(at::kBFloat16), 1e-6, at::kFloat), InputError);
  CHECK_THROWS_AS(kernels::layer_norm(x.transpose(0, 1), 1e-6, at::kFloat), InputError);
  CHECK_THROWS_AS(kernels::layer_norm(x, 1e-6, at::kHalf), InputError);
  CHECK_THROWS_AS(kernels::add_layer_norm_(x, random({2, 3, 7}, 2), 1e-6, at::kFloat), InputError);
  CHECK_THROWS_AS(kernels::add_(x, x.to(at::kDouble)), InputError);
}
