// The golden cases of tests/golden/fusion.safetensors, and comparisons.
#pragma once

#include <ATen/ATen.h>

#include <string>
#include <vector>

#include "core/tensor.h"
#include "fusion/fusion.h"
#include "fusion/projector.h"
#include "support/support.h"
#include "weights/safetensors.h"

namespace vega::test {

inline const TensorSet& fusion_golden() {
  static const TensorSet set = read_safetensors(golden("fusion.safetensors"));
  return set;
}

inline at::Tensor golden_tensor(const std::string& name) {
  return owned_float_from(fusion_golden().at(name));
}

// Parameters of a case in the order of `specs`.
inline Parameters golden_parameters(const std::string& label,
                                    const std::vector<ParameterSpec>& specs) {
  Parameters out;
  for (const auto& spec : specs) {
    out.emplace_back(spec.name, golden_tensor(label + ".p." + spec.name));
  }
  return out;
}

// ||a - b|| / ||b|| in double.
inline double distance(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor x = a.detach().cpu().to(at::kDouble).flatten();
  const at::Tensor y = b.detach().cpu().to(at::kDouble).flatten();
  if (x.numel() != y.numel()) return INFINITY;
  const double size = y.norm().item<double>(), apart = (x - y).norm().item<double>();
  return size > 0 ? apart / size : apart;
}

inline at::Tensor leaf(const at::Tensor& x, at::ScalarType type) {
  return x.to(at::kCPU, type, false, true).requires_grad_(true);
}

struct FusionCase {
  std::string label;  // in the file, below "fusion."
  std::string method, form;
  std::int64_t width = 0, heads = 8, layers = 1;

  FusionConfig config() const {
    FusionConfig c;
    set_method(c, method);
    if (!form.empty()) set_form(c, form);
    c.width = width;
    c.heads = heads;
    c.layers = layers;
    return c;
  }
  std::string place() const { return "fusion." + label; }
  Fusion module(at::ScalarType type = at::kFloat, bool requires_grad = true) const {
    const FusionConfig c = config();
    return {c, golden_parameters(place(), fusion_specs(c)), {at::kCPU, type}, requires_grad};
  }
};

inline std::vector<FusionCase> fusion_cases() {
  return {{"add", "add", "", 9},
          {"only", "only", "", 9},
          {"weighted", "weighted", "", 9},
          {"concat", "concat", "", 8},
          {"gated", "gated", "", 12},
          {"token_gated.raw", "token_gated", "raw", 23},
          {"token_gated.normed", "token_gated", "normed", 23},
          {"token_gated.residual", "token_gated_residual", "", 23},
          {"token_gated.grid", "token_gated", "residual", 16},
          {"instruction.vector", "instruction_token_gated", "", 11},
          {"instruction.rows", "context_gated", "", 10},
          {"instruction.none", "context_gated", "", 8},
          {"cross.main", "cross_attention", "", 16, 4, 2},
          {"cross.spatial", "cross_attention", "", 12, 3, 1}};
}

}  // namespace vega::test
