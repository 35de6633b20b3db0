#include <array>

#include "base/error.h"
#include "kernel_test.h"
#include "kernels/gelu.h"
#include "kernels/pool_tokens.h"

using namespace vega;
using namespace vega::test;

TEST_CASE("gelu_tanh_ agrees with the oracle") {
  on_all([](at::Device device, at::ScalarType type) {
    for (const std::int64_t count : {1, 2, 7, 31, 256, 1009, 8960}) {
      CAPTURE(count);
      auto x = random({count}, 1, 3).to(device, type);
      ref::Values want;
      for (const double v : values(x)) want.push_back(ref::gelu_tanh(v));
      auto& same = kernels::gelu_tanh_(x);
      CHECK(same.is_same(x));
      // The argument's error of 4 roundings grows with it where the value is small: 0.3 absolute.
      check_close(x, want, 8 * kUlp, 4 * kUlp);
    }
  });
}

TEST_CASE("gelu_tanh_ of large values and of a shifted view") {
  on_all([](at::Device device, at::ScalarType type) {
    auto x = at::tensor({-1e4F, -50.F, -12.F, 0.F, 12.F, 50.F, 1e4F, 3.F, 1.F}, at::kFloat)
                 .to(device, type);
    auto part = x.narrow(0, 1, 8);  // not aligned to 16 bytes
    kernels::gelu_tanh_(part);
    const auto got = values(x);
    CHECK(got[0] == values(at::tensor({-1e4F}).to(type))[0]);
    CHECK(std::abs(got[1]) < 1e-15);
    CHECK(std::abs(got[2]) < 1e-15);
    CHECK(got[3] == 0);
    CHECK(got[4] == 12);
    CHECK(got[5] == 50);
    CHECK(got[6] == values(at::tensor({1e4F}).to(type))[0]);
  });
}

TEST_CASE("linear_gelu is the matrix product, then gelu_tanh") {
  on_all([](at::Device device, at::ScalarType type) {
    for (const auto& [rows, inner, outer] :
         {std::array{1, 1, 1}, {3, 16, 8}, {37, 64, 129}, {64, 256, 512}}) {
      CAPTURE(rows, inner, outer);
      const auto x = random({2, rows, inner}, 1).to(device, type);
      const auto weight = random({outer, inner}, 2, 2 / std::sqrt(inner)).to(device, type);
      const auto bias = random({outer}, 3).to(device, type);
      const auto y = kernels::linear_gelu(x, weight, bias);
      CHECK(y.sizes() == at::IntArrayRef({2, rows, outer}));
      CHECK(y.scalar_type() == type);
      const auto sums =
          at::linear(x.to(at::kCPU).to(at::kDouble), weight.to(at::kCPU).to(at::kDouble),
                     bias.to(at::kCPU).to(at::kDouble));
      ref::Values want;
      for (const double v : values(sums)) want.push_back(ref::gelu_tanh(v));
      // A sum of `inner` products; in bfloat16 it may be rounded once before GELU (slope 1.13).
      const double sum = (static_cast<double>(inner) + 12) * 4 * kUlp;
      const double rounded = type == at::kBFloat16 ? 1.2 * 0x1p-8 * 12 : 0;
      check_close(y, want, sum, sum + rounded);
    }
    const auto x = random({2, 4}, 1).to(device, type);
    const auto weight = random({3, 4}, 2).to(device, type), bias = random({3}, 3).to(device, type);
    CHECK(kernels::linear_gelu(x.narrow(0, 0, 0), weight, bias).sizes() == at::IntArrayRef({0, 3}));
    CHECK_THROWS_AS(kernels::linear_gelu(x, weight.t(), bias), InputError);
    CHECK_THROWS_AS(kernels::linear_gelu(x, weight, weight), InputError);
    CHECK_THROWS_AS(kernels::linear_gelu(x, weight, bias.to(at::kDouble)), InputError);
  });
}

TEST_CASE("pool_tokens and gelu_pool agree with the oracle") {
  struct Case {
    std::int64_t frames, gh, gw, oh, ow, width;
  };
  on_all([](at::Device device, at::ScalarType type) {
    for (const Case c :
         {Case{1, 1, 1, 1, 1, 1}, Case{2, 6, 8, 14, 14, 5}, Case{1, 30, 52, 14, 14, 8},
          Case{1, 45, 80, 14, 14, 4}, Case{1, 21, 35, 14, 14, 6}, Case{2, 7, 5, 3, 2, 517},
          Case{1, 3, 4, 3, 4, 1030}, Case{1, 2, 3, 2, 2, 8960}}) {
      CAPTURE(c.gh, c.gw, c.width);
      const auto x = random({c.frames, c.gh * c.gw, c.width}, 1, 2).to(device, type);
      const auto size = [](std::int64_t n) { return static_cast<std::size_t>(n); };
      const ref::Pooling grid{size(c.frames), size(c.gh), size(c.gw),
                              size(c.oh),     size(c.ow), size(c.width)};
      for (const auto out : {at::kFloat, at::kBFloat16}) {
        // Sums of at most 6 x 7 values of up to about 8, one rounding each.
        const double t = 42 * 8 * kUlp;
        check_close(kernels::pool_tokens(x, c.gh, c.gw, c.oh, c.ow, out),
                    ref::pool_tokens(values(x), grid, false), 0, t);
        check_close(kernels::gelu_pool(x, c.gh, c.gw, c.oh, c.ow, out),
                    ref::pool_tokens(values(x), grid, true), 0, type == at::kFloat ? t : 4 * t);
      }
    }
  });
}

TEST_CASE("a pool of the grid's own size changes nothing, and matches the framework's") {
  on_all([](at::Device device, at::ScalarType type) {
    const auto x = random({2, 12, 9}, 3).to(device, type);
    CHECK(same_bits(kernels::pool_tokens(x, 3, 4, 3, 4), x.to(at::kFloat)));
    const auto map = x.to(at::kCPU, at::kDouble).view({2, 3, 4, 9}).permute({0, 3, 1, 2});
    const auto want = at::adaptive_avg_pool2d(map, {2, 3}).permute({0, 2, 3, 1}).contiguous();
    check_close(kernels::pool_tokens(x, 3, 4, 2, 3), values(want), 0, 8 * kUlp * 8);
  });
}

TEST_CASE("gelu and pool refuse what they cannot do") {
  auto x = random({2, 12, 8}, 1);
  CHECK_THROWS_AS(kernels::pool_tokens(x, 3, 5, 2, 2), InputError);
  CHECK_THROWS_AS(kernels::pool_tokens(x, 3, 4, 0, 2), InputError);
  CHECK_THROWS_AS(kernels::pool_tokens(x.to(at::kHalf), 3, 4, 2, 2), InputError);
  CHECK_THROWS_AS(kernels::gelu_pool(x, 3, 4, 2, 2, at::kDouble), InputError);
  auto strided = x.transpose(0, 1);
  CHECK_THROWS_AS(kernels::gelu_tanh_(strided), InputError);
}
