// Inputs of the token gate's tests, and the comparison with the oracle.
#pragma once

#include <algorithm>

#include "kernel_test.h"
#include "kernels/token_gate.h"
#include "ref/token_gate_ref.h"

namespace vega::test {

using kernels::GateForm;
using ref::Bounded;

inline constexpr GateForm kForms[] = {GateForm::kRaw, GateForm::kNormed, GateForm::kResidual};

struct GateCase {
  std::vector<std::int64_t> tokens;
  std::int64_t width;
};

struct GateInputs {
  at::Tensor s, g;
  kernels::TokenGateParameters p;
};

// Norm weights about 1, biases of a tenth, gate weights that give logits of about 1.5; streams with
// means and spreads of their own.
inline GateInputs make_gate(const GateCase& c, GateForm form, at::Device device,
                            at::ScalarType type, at::ScalarType parameter_type = at::kFloat) {
  auto shape = c.tokens;
  shape.push_back(c.width);
  const double spread = 1 / std::sqrt(static_cast<double>(c.width));
  const auto parameter = [&](std::vector<std::int64_t> size, unsigned seed, double s, double mean) {
    return random(std::move(size), seed, s, mean).to(device, parameter_type);
  };
  kernels::TokenGateParameters p{parameter({c.width}, 11, 0.2, 1),
                                 parameter({c.width}, 12, 0.1, 0),
                                 parameter({c.width}, 13, 0.2, 1),
                                 parameter({c.width}, 14, 0.1, 0),
                                 parameter({1, 2 * c.width}, 15, spread, 0),
                                 parameter({1}, 16, 0.3, 0),
                                 {}};
  if (form == GateForm::kResidual) p.residual_scale = parameter({1}, 17, 0.1, 0.2);
  return {random(shape, 1, 2, 0.5).to(device, type), random(shape, 2, 0.7, -0.3).to(device, type),
          p};
}

template <typename Number = Bounded>
std::vector<Number> numbers(const at::Tensor& tensor) {
  const ref::Values plain = values(tensor);
  return {plain.begin(), plain.end()};
}

template <typename Number = Bounded>
ref::TokenGateInputs<Number> oracle_inputs(const GateInputs& in) {
  return {static_cast<std::size_t>(in.s.size(-1)),
          numbers<Number>(in.s),
          numbers<Number>(in.g),
          numbers<Number>(in.p.norm1_weight),
          numbers<Number>(in.p.norm1_bias),
          numbers<Number>(in.p.norm2_weight),
          numbers<Number>(in.p.norm2_bias),
          numbers<Number>(in.p.gate_weight),
          numbers<Number>(in.p.gate_bias),
          in.p.residual_scale.defined() ? numbers<Number>(in.p.residual_scale)
                                        : std::vector<Number>{0.0}};
}

inline ref::Blend blend_of(GateForm form) { return static_cast<ref::Blend>(form); }

// |got - want| <= slack x 2^-24 x error, and `halves` half units of bfloat16 where `got` is one.
// The kernels fold products and split sums: the same terms in another order, twice as many at most,
// each with twice the operations at most.
inline constexpr double kSlack = 4;

inline void check_bounded(const char* name, const at::Tensor& got, const std::vector<Bounded>& want,
                          double slack = kSlack, int halves = 1) {
  const ref::Values have = values(got);
  REQUIRE(have.size() == want.size());
  const double half = got.scalar_type() == at::kBFloat16 ? halves * 0x1p-8 : 0;
  double worst = 0;
  std::size_t at = 0;
  for (std::size_t i = 0; i < want.size() && !std::isnan(worst); ++i) {
    const double room =
        slack * kUlp * want[i].error * (1 + half) + half * std::abs(want[i].value) + 1e-37;
    const double excess = std::abs(have[i] - want[i].value) / room;
    if (!(excess <= worst)) {
      worst = excess;
      at = i;
    }
  }
  INFO(name << ": worst element " << at << ": got " << (want.empty() ? 0 : have[at])
            << ", expected " << (want.empty() ? 0 : want[at].value) << ", error "
            << (want.empty() ? 0 : want[at].error) << ", " << worst << " of the tolerance");
  CHECK(worst <= 1);
}

// `at` with the errors of `like`: what a second computation is compared with.
inline std::vector<Bounded> with_errors(const at::Tensor& at, const std::vector<Bounded>& like) {
  std::vector<Bounded> around = numbers(at);
  for (std::size_t i = 0; i < around.size(); ++i) around[i].error = like[i].error;
  return around;
}

}  // namespace vega::test
