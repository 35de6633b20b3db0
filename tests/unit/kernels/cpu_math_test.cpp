// The approximations under the CPU kernels, against double.
#include <cmath>

#include "kernel_test.h"
#include "kernels/cpu_math.h"

using namespace vega;
using namespace vega::test;

namespace {

template <typename F, typename Want>
double worst_relative(double from, double to, F f, Want want) {
  double worst = 0;
  constexpr int kSteps = 400000;
  for (int i = 0; i <= kSteps; ++i) {
    const auto x = static_cast<float>(from + (to - from) * i / kSteps);
    const double right = want(static_cast<double>(x));
    if (right == 0) continue;
    worst = std::max(worst, std::abs(static_cast<double>(f(x)) - right) / std::abs(right));
  }
  return worst;
}

}  // namespace

TEST_CASE("exp_f32 is within 1e-7 of e^x over its range") {
  const auto exact = [](double x) { return std::exp(x); };
  const auto ours = [](float x) { return kernels::cpu::exp_f32(x); };
  CHECK(worst_relative(-87, 87, ours, exact) < 1e-7);
  CHECK(worst_relative(-1, 1, ours, exact) < 1e-7);
  CHECK(ours(0) == 1);
  CHECK(ours(-1000) > 0);
  CHECK(ours(-1000) < 1.7e-38F);
  CHECK(std::isfinite(ours(1000)));
  CHECK(std::isnan(ours(NAN)));
}

TEST_CASE("silu_f32 is within 2e-7 of SiLU") {
  // e^-x, the sum, the quotient: 1e-7 + 2 * 2^-24 at most.
  const auto ours = [](float x) { return kernels::cpu::silu_f32(x); };
  CHECK(worst_relative(-80, 80, ours, ref::silu) < 1e-7 + 2 * kUlp);
  CHECK(worst_relative(-2, 2, ours, ref::silu) < 1e-7 + 2 * kUlp);
  CHECK(std::isnan(ours(NAN)));
}

TEST_CASE("gelu_f32 keeps relative accuracy where GELU is not tiny") {
  // x / (1 + e^z), z = -2u in [-9, 4.5]: z's 4 roundings times |z|, and those of SiLU.
  const auto ours = [](float x) { return kernels::cpu::gelu_f32(x); };
  CHECK(worst_relative(-0.1, 3, ours, ref::gelu_tanh) < 4 * kUlp + 4 * kUlp);
  const auto stable = [](double x) {
    return x / (1 + std::exp(-2 * std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
  };
  CHECK(worst_relative(-5, 0, ours, stable) < 4 * kUlp + 4 * kUlp * 17);
  CHECK(std::isnan(ours(NAN)));
}

TEST_CASE("bfloat16 rounding is the framework's, for every kind of number") {
  std::mt19937 engine(1);
  for (int i = 0; i < 200000; ++i) {
    const auto bits = static_cast<std::uint32_t>(engine());
    float x;
    std::memcpy(&x, &bits, sizeof x);
    const float back = kernels::cpu::widen(kernels::cpu::narrow(x));
    const auto want = static_cast<float>(c10::BFloat16(x));
    if (std::isnan(x)) {
      CHECK(std::isnan(back));
    } else if (std::memcmp(&back, &want, sizeof x) != 0) {
      FAIL("bits " << bits << ": " << back << " instead of " << want);
    }
  }
  CHECK(std::isinf(kernels::cpu::widen(kernels::cpu::narrow(3.4e38F))));
}
