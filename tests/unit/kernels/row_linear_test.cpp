#include "kernels/row_linear.h"

#include <ATen/Parallel.h>

#include "base/error.h"
#include "kernel_test.h"
#include "ref/decoder_ref.h"

using namespace vega;
using namespace vega::test;

namespace {

struct Sample {
  at::Tensor x;
  std::vector<kernels::Matrix> matrices;
};

Sample sample(std::int64_t rows, std::int64_t in, at::Device device, at::ScalarType type) {
  Sample s{random({rows, in}, 1).to(device, type), {}};
  for (const std::int64_t width : {1, 6, 131}) {
    const auto seed = static_cast<unsigned>(width);
    s.matrices.push_back({random({width, in}, seed).to(device, type),
                          width == 6 ? at::Tensor() : random({width}, seed + 1).to(device, type)});
  }
  return s;
}

}  // namespace

TEST_CASE("row_linear agrees with the oracle") {
  on_all([](at::Device device, at::ScalarType type) {
    for (const std::int64_t in : {1, 31, 32, 60, 896, 1000}) {
      for (const std::int64_t rows : {1, 3, 4, 9}) {
        CAPTURE(in, rows);
        const Sample s = sample(rows, in, device, type);
        const auto out = kernels::row_linear(s.x, s.matrices);
        REQUIRE(out.size() == s.matrices.size());
        for (std::size_t n = 0; n < out.size(); ++n) {
          const auto& m = s.matrices[n];
          // Sums of `in` products of size 1, in 32 lanes.
          const double bar = (static_cast<double>(in) / 32 + 12) * kUlp * std::sqrt(double(in)) * 4;
          CHECK(out[n].scalar_type() == type);
          check_close(out[n],
                      ref::row_linear(values(s.x), values(m.weight),
                                      m.bias.defined() ? values(m.bias) : ref::Values{},
                                      static_cast<std::size_t>(in)),
                      0, bar);
        }
      }
    }
  });
}

TEST_CASE("row_linear: a row has the bits that it has alone, whatever the threads") {
  on_all([](at::Device device, at::ScalarType type) {
    // More rows of bfloat16 on CUDA are a library's.
    const std::int64_t rows = device.is_cuda() && type == at::kBFloat16 ? 8 : 11;
    const Sample s = sample(rows, 905, device, type);
    const auto all = kernels::row_linear(s.x, s.matrices);
    const int threads = at::get_num_threads();
    for (const int few : {1, 3}) {
      at::set_num_threads(few);
      for (std::int64_t row = 0; row < rows; ++row) {
        const auto one = kernels::row_linear(s.x.narrow(0, row, 1), s.matrices);
        for (std::size_t n = 0; n < one.size(); ++n)
          CHECK(same_bits(one[n], all[n].narrow(0, row, 1)));
      }
    }
    at::set_num_threads(threads);
  });
}

TEST_CASE("row_linear of weights that are not aligned, of no rows, and what it refuses") {
  on_all([](at::Device device, at::ScalarType type) {
    const auto x = random({2, 64}, 1).to(device, type);
    const auto loose = random({1 + 8 * 64}, 2).to(device, type).narrow(0, 1, 8 * 64).view({8, 64});
    const std::vector<kernels::Matrix> a{{loose, {}}}, b{{loose.clone(), {}}};
    const auto of_loose = kernels::row_linear(x, a)[0], of_own = kernels::row_linear(x, b)[0];
    // Elsewhere than on the CPU a library's product may form other sums.
    if (device.is_cpu()) CHECK(same_bits(of_loose, of_own));
    CHECK(at::allclose(of_loose.to(at::kFloat), of_own.to(at::kFloat),
                       type == at::kFloat ? 1e-5 : 1e-2, 1e-5));
    CHECK(kernels::row_linear(x.narrow(0, 0, 0), a)[0].sizes() == at::IntArrayRef({0, 8}));
  });
  const auto refuse = [](const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
    const std::vector<kernels::Matrix> m{{weight, bias}};
    CHECK_THROWS_AS(kernels::row_linear(x, m), InputError);
  };
  refuse(at::zeros({2, 8}), at::zeros({3, 9}), {});
  refuse(at::zeros({2, 8}), at::zeros({3, 8}, at::kBFloat16), {});
  refuse(at::zeros({2, 8}), at::zeros({8, 3}).t(), {});
  refuse(at::zeros({2, 8}), at::zeros({3, 8}), at::zeros({4}));
  refuse(at::zeros({8}), at::zeros({3, 8}), {});
}
