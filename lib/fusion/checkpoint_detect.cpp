#include "fusion/checkpoint_detect.h"

#include <set>

#include "base/error.h"

namespace vega::fusion {
namespace {

std::string some_of(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < 3; ++i) text += (i ? ", " : "") + names[i];
  if (names.size() > 3) text += " and " + std::to_string(names.size() - 3) + " more";
  return text;
}

std::vector<std::string> names_of(const ParameterViews& views) {
  std::vector<std::string> out;
  for (const auto& [name, view] : views) out.push_back(name);
  return out;
}

// First extent of a tensor; 0 where it is missing or has none.
std::int64_t rows_of(const ParameterViews& views, const std::string& name) {
  const auto found = views.find(name);
  return found == views.end() || found->second.shape.empty() ? 0 : found->second.shape[0];
}

}  // namespace

std::optional<FusionConfig> fusion_config_of(const ParameterViews& views,
                                             const std::string& where) {
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

void check_views(const std::vector<ParameterSpec>& specs, const ParameterViews& views,
                 const std::string& where) {
  std::set<std::string_view> known;
  std::vector<std::string> missing, unknown;
  for (const auto& spec : specs) {
    known.insert(spec.name);
    if (!views.contains(spec.name)) missing.push_back(spec.name);
  }
  for (const auto& [name, view] : views) {
    if (!known.contains(name)) unknown.push_back(name);
  }
  const std::string all = std::to_string(specs.size()) + " tensors";
  if (!missing.empty()) {
    throw FormatError(explain(where, "no tensor " + some_of(missing), "all " + all,
                              unknown.empty() ? "fetch the checkpoint again"
                                              : "it has " + some_of(unknown) + " instead"));
  }
  if (!unknown.empty()) {
    throw FormatError(explain(where, "unknown tensor " + some_of(unknown), "only the " + all,
                              "another method or another release"));
  }
  for (const auto& spec : specs) {
    const TensorView& view = views.at(spec.name);
    const std::string place = where + ": " + spec.name;
    if (view.shape != spec.shape) {
      throw FormatError(explain(place, "shape " + to_string(view.shape), to_string(spec.shape),
                                "the widths of the module's tensors disagree"));
    }
    if (view.dtype != DType::kF32 && view.dtype != DType::kF16 && view.dtype != DType::kBF16) {
      throw FormatError(explain(place, std::string(name_of(view.dtype)), "f32, f16 or bf16",
                                "quantised repacks are not read"));
    }
  }
}

}  // namespace vega::fusion
