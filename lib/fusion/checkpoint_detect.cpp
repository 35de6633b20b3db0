#include "fusion/checkpoint_detect.h"

#include "base/error.h"

namespace vega::fusion {
namespace {

std::vector<std::string> names_of(const WeightViews& views) {
  std::vector<std::string> out;
  for (const auto& [name, view] : views) out.push_back(name);
  return out;
}

// First extent of a tensor; 0 where it is missing or has none.
std::int64_t rows_of(const WeightViews& views, const std::string& name) {
  const auto found = views.find(name);
  return found == views.end() || found->second.shape.empty() ? 0 : found->second.shape[0];
}

}  // namespace

std::optional<FusionConfig> fusion_config_of(const WeightViews& views, const std::string& where) {
  if (views.empty()) return std::nullopt;
  FusionConfig c;
  c.width = rows_of(views, "norm1.weight");
  const auto has = [&](const char* name) { return views.contains(name); };
  if (has("cross_attn_blocks.0.norm2.weight")) {
    c.method = FusionMethod::kCrossAttention;
    c.width = rows_of(views, "cross_attn_blocks.0.norm2.weight");
    while (has(("cross_attn_blocks." + std::to_string(c.layers) + ".norm2.weight").c_str())) {
      ++c.layers;
    }
  } else if (has("weight_2d")) {
    c.method = FusionMethod::kWeighted;
  } else if (has("projection.weight")) {
    c.method = FusionMethod::kConcat;
  } else if (has("gate_projection.weight")) {
    c.method = FusionMethod::kInstructionTokenGated;
  } else if (has("gate_projection.0.weight")) {
    const bool token = rows_of(views, "gate_projection.0.weight") == 1;
    c.method = token ? FusionMethod::kTokenGated : FusionMethod::kGated;
    if (has("residual_scale")) c.form = GateForm::kResidual;
  } else {
    throw FormatError(explain(where, some_of(names_of(views)),
                              "the tensors of a fusion method (docs/fusion.md)",
                              "the file was cut, or is of another fusion module"));
  }
  return c;
}

}  // namespace vega::fusion
