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
