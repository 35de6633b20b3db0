// The node in LibTorch's graph against LibTorch's own gradients of the same formulas.
#include <c10/core/InferenceMode.h>
#include <torch/csrc/autograd/autograd.h>

#include "token_gate_case.h"

using namespace vega;
using namespace vega::test;

namespace {

// S, G, then the parameters in their order, as leaves.
std::vector<at::Tensor> leaves(const GateInputs& in, at::ScalarType type) {
  std::vector<at::Tensor> all{in.s,
                              in.g,
                              in.p.norm1_weight,
                              in.p.norm1_bias,
                              in.p.norm2_weight,
                              in.p.norm2_bias,
                              in.p.gate_weight,
                              in.p.gate_bias};
  if (in.p.residual_scale.defined()) all.push_back(in.p.residual_scale);
  for (auto& t : all) t = t.detach().to(type).clone().requires_grad_(true);
  return all;
}

kernels::TokenGateParameters parameters(const std::vector<at::Tensor>& l) {
  return {l[2], l[3], l[4], l[5], l[6], l[7], l.size() > 8 ? l[8] : at::Tensor()};
}

// The module line by line.
std::pair<at::Tensor, at::Tensor> composed(const std::vector<at::Tensor>& l, GateForm form) {
  const auto width = l[0].size(-1);
  const auto n1 = at::layer_norm(l[0], {width}, l[2], l[3], 1e-5);
  const auto n2 = at::layer_norm(l[1], {width}, l[4], l[5], 1e-5);
  const auto gate = at::sigmoid(at::linear(at::cat({n1, n2}, -1), l[6], l[7]));
  if (form == GateForm::kNormed) return {gate * n1 + (1 - gate) * n2, gate.squeeze(-1)};
  const auto m = gate * l[0] + (1 - gate) * l[1];
  return {form == GateForm::kRaw ? m : l[0] + l[8] * (m - l[0]), gate.squeeze(-1)};
}

std::vector<at::Tensor> gradients(const at::Tensor& loss, const std::vector<at::Tensor>& at) {
  return torch::autograd::grad({loss}, at);
}

double difference(const at::Tensor& got, const at::Tensor& want) {
  const auto d = got.to(at::kDouble) - want.to(at::kDouble);
  return (d.norm() / (want.to(at::kDouble).norm() + 1e-30)).item<double>();
}

}  // namespace

TEST_CASE("token_gate_autograd gives LibTorch's gradients") {
  for (const auto device : devices()) {
    for (const GateForm form : kForms) {
      for (const std::int64_t width : {53, 256}) {
        CAPTURE(width, static_cast<int>(form));
        const GateInputs in = make_gate({{4, 11}, width}, form, device, at::kFloat);
        const auto ours = leaves(in, at::kFloat), theirs = leaves(in, at::kDouble);
        const auto a = random({4, 11, width}, 31).to(device), b = random({4, 11}, 32).to(device);
        const auto [out, gate] =
            kernels::token_gate_autograd(ours[0], ours[1], parameters(ours), form);
        const auto [want_out, want_gate] = composed(theirs, form);
        CHECK(difference(out.detach(), want_out.detach()) < 1e-6);
        CHECK(difference(gate.detach(), want_gate.detach()) < 1e-6);
        const auto got = gradients((out * a).sum() + (gate * b).sum(), ours);
        const auto want = gradients((want_out * a).sum() + (want_gate * b).sum(), theirs);
        REQUIRE(got.size() == want.size());
        for (std::size_t i = 0; i < got.size(); ++i) {
          INFO("leaf " << i);
          CHECK(got[i].sizes() == ours[i].sizes());
          CHECK(difference(got[i], want[i]) < 1e-5);  // the bar of the fused modules
        }
      }
    }
  }
}

TEST_CASE("token_gate_autograd: only the gate, only the blend") {
  for (const auto device : devices()) {
    for (const GateForm form : kForms) {
      const GateInputs in = make_gate({{7}, 40}, form, device, at::kFloat);
      for (const bool blend : {false, true}) {
        auto ours = leaves(in, at::kFloat), theirs = leaves(in, at::kDouble);
        const auto [out, gate] =
            kernels::token_gate_autograd(ours[0], ours[1], parameters(ours), form);
        const auto [want_out, want_gate] = composed(theirs, form);
        if (!blend && ours.size() > 8) {  // the gate does not depend on the residual's scale
          ours.pop_back();
          theirs.pop_back();
        }
        const auto got = gradients((blend ? out : gate).square().sum(), ours);
        const auto want = gradients((blend ? want_out : want_gate).square().sum(), theirs);
        for (std::size_t i = 0; i < got.size(); ++i) CHECK(difference(got[i], want[i]) < 1e-5);
      }
    }
  }
}

TEST_CASE("token_gate_autograd: gradients have their leaf's type, strided streams are taken") {
  for (const auto device : devices()) {
    const GateInputs in =
        make_gate({{6}, 32}, GateForm::kResidual, device, at::kBFloat16, at::kBFloat16);
    const auto ours = leaves(in, at::kBFloat16);
    const auto s = ours[0].t().contiguous().t();
    REQUIRE(!s.is_contiguous());
    const auto [out, gate] =
        kernels::token_gate_autograd(s, ours[1], parameters(ours), GateForm::kResidual);
    CHECK(out.scalar_type() == at::kBFloat16);
    CHECK(gate.scalar_type() == at::kFloat);
    const auto got = gradients(out.sum(), ours);  // expands a scalar: d_out is strided too
    for (std::size_t i = 0; i < got.size(); ++i) {
      CHECK(got[i].scalar_type() == at::kBFloat16);
      CHECK(got[i].sizes() == ours[i].sizes());
    }
    const auto wide = leaves(in, at::kDouble);
    const auto want = gradients(composed(wide, GateForm::kResidual).first.sum(), wide);
    // A gradient is rounded to bfloat16 once, half a unit: 2^-8 at most.
    for (std::size_t i = 0; i < got.size(); ++i) {
      INFO("leaf " << i);
      CHECK(difference(got[i], want[i]) < 0x1p-8 + 1e-5);
    }
  }
}

TEST_CASE("token_gate_autograd records nothing where nothing is asked for") {
  const GateInputs in = make_gate({{3}, 16}, GateForm::kNormed, at::kCPU, at::kFloat);
  const auto [out, gate] = kernels::token_gate_autograd(in.s, in.g, in.p, GateForm::kNormed);
  CHECK(!out.requires_grad());
  const auto plain = kernels::token_gate(in.s, in.g, in.p, GateForm::kNormed);
  CHECK(same_bits(out, plain.out));
  const auto trained = leaves(in, at::kFloat);
  {
    const c10::InferenceMode inference;
    const auto [blend, of] = kernels::token_gate_autograd(trained[0], trained[1],
                                                          parameters(trained), GateForm::kNormed);
    CHECK(same_bits(blend, plain.out));
    CHECK(!blend.requires_grad());
  }
  const auto weight = in.p.gate_weight.clone().requires_grad_(true);
  auto p = in.p;
  p.gate_weight = weight;
  const auto [learned, of] = kernels::token_gate_autograd(in.s, in.g, p, GateForm::kNormed);
  CHECK(gradients(learned.sum(), {weight})[0].sizes() == weight.sizes());
}
