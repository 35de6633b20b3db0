#include "models/wan/train_dit_tensors.h"

#include <ATen/ATen.h>

#include <cmath>
#include <string>

#include "models/wan/names.h"

namespace vega::wan {
namespace {

bool is_weight(std::string_view name) { return name.ends_with(".weight"); }

Init start_of_dit(std::string_view name) {
  if (name.ends_with("modulation")) return Init::kUnitNormal;  // divided below
  if (!is_weight(name)) return Init::kZero;
  if (name.find("norm") != std::string_view::npos) return Init::kOne;
  if (name.starts_with("text_embedding") || name.starts_with("time_embedding"))
    return Init::kNormal;
  if (name == "head.head.weight" || name.ends_with("cross_attn.o.weight")) return Init::kZero;
  return Init::kXavier;
}

}  // namespace

DitRole dit_role(std::string_view name) {
  const auto has = [&](std::string_view part) { return name.find(part) != std::string_view::npos; };
  if (name.starts_with("text_embedding") || has(".cross_attn.") || has(".norm3."))
    return DitRole::kText;
  const bool matrix = name.starts_with("blocks.") && is_weight(name) && !has("norm");
  return matrix ? DitRole::kMatrix : DitRole::kOther;
}

Parameters initial_dit(const DitConfig& config, std::uint64_t seed) {
  std::vector<ParameterSpec> specs;
  const std::vector<NamedTensor> tensors = dit_tensors(config);
  for (const NamedTensor& tensor : tensors) {
    Shape shape = tensor.shape;
    if (tensor.canonical == "patch_embedding.weight")  // as a matrix
      shape = {shape[0], element_count(shape) / shape[0]};
    specs.push_back({tensor.canonical, std::move(shape), start_of_dit(tensor.canonical)});
  }
  Parameters values = initial_values(specs, "dit.", seed);
  for (std::size_t n = 0; n < values.size(); ++n) {
    at::Tensor& value = values[n].second;
    if (specs[n].init == Init::kUnitNormal)
      value.mul_(1 / std::sqrt(static_cast<double>(config.dim)));
    value = value.reshape(tensors[n].shape);
  }
  return values;
}

WeightTable training_dit(const Parameters& values, const Placement& placement) {
  const at::ScalarType master = placement.dtype == at::kDouble ? at::kDouble : at::kFloat;
  WeightTable table;
  for (const auto& [name, value] : values) {
    const bool trains = dit_role(name) != DitRole::kText;
    const at::ScalarType type = trains ? master : placement.dtype;
    at::Tensor own = value.detach().to(placement.device, type, false, /*copy=*/true);
    table.emplace(name, own.requires_grad_(trains));
  }
  return table;
}

}  // namespace vega::wan
