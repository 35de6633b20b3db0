#include "kernels/linear.h"

#include "base/error.h"
#include "kernel_test.h"
#include "ref/decoder_ref.h"

using namespace vega;
using namespace vega::test;

TEST_CASE("linear agrees with the oracle") {
  on_all([](at::Device device, at::ScalarType type) {
    for (const std::int64_t rows : {1, 5, 64}) {
      for (const std::int64_t in : {1, 60, 896}) {
        CAPTURE(rows, in);
        const auto x = random({rows, in}, 1).to(device, type);
        const auto weight = random({37, in}, 2).to(device, type);
        for (const at::Tensor& bias : {at::Tensor(), random({37}, 3).to(device, type)}) {
          const double bar = (static_cast<double>(in) + 12) * kUlp * std::sqrt(double(in));
          check_close(kernels::linear(x, weight, bias),
                      ref::row_linear(values(x), values(weight),
                                      bias.defined() ? values(bias) : ref::Values{},
                                      static_cast<std::size_t>(in)),
                      0, bar + (type == at::kBFloat16 ? 0.02 : 0));
        }
      }
    }
  });
}

TEST_CASE("linear of strided rows and of none, and what it refuses") {
  const auto x = random({8, 20}, 1), weight = random({6, 8}, 2);
  CHECK(kernels::linear(x.t(), weight, {}).sizes() == at::IntArrayRef({20, 6}));
  CHECK((kernels::linear(x.t(), weight, {}) - kernels::linear(x.t().contiguous(), weight, {}))
            .abs()
            .max()
            .item<float>() < 1e-5F);
  CHECK(kernels::linear(at::empty({0, 8}), weight, {}).sizes() == at::IntArrayRef({0, 6}));
  CHECK_THROWS_AS(kernels::linear(x, weight, {}), InputError);
  CHECK_THROWS_AS(kernels::linear(x.t(), weight.to(at::kBFloat16), {}), InputError);
  CHECK_THROWS_AS(kernels::linear(x.t(), weight, at::zeros({8})), InputError);
}

TEST_CASE("linear_bf16 of any axes is linear of their rows") {
  on_all([](at::Device device, at::ScalarType type) {
    const auto x = random({2, 17, 40}, 1).to(device, type);
    const auto weight = random({24, 40}, 2).to(device, type),
               bias = random({24}, 3).to(device, type);
    const at::Tensor out = kernels::linear_bf16(x, weight, bias);
    CHECK(out.sizes() == at::IntArrayRef({2, 17, 24}));
    const at::Tensor rows = x.reshape({34, 40});
    const bool halves = type == at::kBFloat16 && device.is_cpu();
    const at::Tensor same =
        halves ? kernels::linear(rows, weight, bias) : at::linear(rows, weight, bias);
    CHECK(same_bits(out, same.reshape({2, 17, 24})));
  });
}

TEST_CASE("linear of several blocks and of transposes: gradients of many rows") {
  on_all([](at::Device device, at::ScalarType type) {
    const auto x = random({300, 40}, 1).to(device, type),
               weight = random({520, 40}, 2).to(device, type);
    const auto dy = random({300, 520}, 3).to(device, type);
    const auto bias = random({520}, 4).to(device, type);
    const auto check = [&](const at::Tensor& a, const at::Tensor& b, const at::Tensor& c) {
      const auto exact =
          at::linear(a.to(at::kDouble), b.to(at::kDouble), c.defined() ? c.to(at::kDouble) : c);
      const at::Tensor out = kernels::linear(a, b, c);
      REQUIRE(out.scalar_type() == type);
      REQUIRE(out.sizes() == exact.sizes());
      // bfloat16 rounds by 2^-9 at most, the product and its sum with the bias, which is below 4.
      const double rounding = type == at::kBFloat16 ? 1.0 / 256 : 0;
      const auto depth = static_cast<double>(a.size(1));
      const at::Tensor bar = (exact.abs() + 4) * rounding + (depth + 12) * kUlp * std::sqrt(depth);
      CHECK(((out.to(at::kDouble) - exact).abs() <= bar).all().item<bool>());
    };
    check(x, weight, bias);
    check(dy, weight.t(), {});
    check(dy.t(), x.t(), {});
    check(x.narrow(0, 0, 20), weight, bias);
  });
}
