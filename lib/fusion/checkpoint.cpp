#include "fusion/checkpoint.h"

#include <map>

#include "base/error.h"
#include "fusion/checkpoint_config.h"
#include "fusion/checkpoint_detect.h"
#include "fusion/spatial.h"
#include "weights/fingerprint_memory.h"
#include "weights/model_files.h"
#include "weights/safetensors.h"

namespace vega {
namespace fs = std::filesystem;
namespace {

constexpr auto kStem = "model";
constexpr auto kKind = "fusion/1";
constexpr auto kRemedy =
    "give the folder of a VEGA-3D checkpoint (main or spatial-reasoning), or start from initial "
    "values";

WeightViews below(const TensorSet& set, std::string_view prefix) {
  WeightViews out;
  for (const auto& [name, type] : set.unreadable()) {
    if (name.starts_with(prefix)) set.at(name);  // throws: the type is not read
  }
  for (const auto& [name, view] : set.tensors()) {
    if (name.starts_with(prefix)) out.emplace(name.substr(prefix.size()), view);
  }
  return out;
}

TensorSet read_set(const fs::path& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) return read_sharded(path, kStem);
  if (!fs::exists(path, error)) {
    throw InputError(explain("--checkpoint " + path.string(), "no such file or folder",
                             "a folder with model*.safetensors, or one .safetensors file",
                             kRemedy));
  }
  return read_safetensors(path);
}

Release release_of(const FusionCheckpoint& c) {
  const auto has = [&](std::string_view prefix) { return !below(c.set, prefix).empty(); };
  const bool scene = has(kFusionPrefix) || has(kGenerativePrefix);
  const bool spatial = has(kSpatialFusionPrefix) || has(kSpatialMergerPrefix);
  if (scene && spatial) {
    throw FormatError(explain(c.path.string(),
                              std::string(kFusionPrefix) + "* and " + kSpatialFusionPrefix + "*",
                              "the names of one release", "keep one of the two"));
  }
  return spatial ? Release::kSpatial : Release::kScene;
}

// "folder: model.feature_fusion."
std::string place(const FusionCheckpoint& c, const char* prefix) {
  return c.path.string() + ": " + prefix;
}

// What a name in config.json is wrong about is that file's fault, not the command line's.
template <typename Call>
auto in_file(const std::string& where, Call&& call) {
  try {
    return call();
  } catch (const UsageError& error) {
    throw FormatError(where + ": " + error.what());
  }
}

template <typename T>
void expect(const fusion::SaidConfig& said, const char* what, const std::optional<T>& got,
            const T& tensors) {
  if (!got || *got == tensors) return;
  const auto text = [](const auto& value) {
    if constexpr (std::is_same_v<T, std::string>)
      return value;
    else
      return std::to_string(value);
  };
  throw FormatError(explain(said.path.string() + ": " + what, text(*got),
                            text(tensors) + ", what the tensors are",
                            "the configuration and the weights are of different models"));
}

// mlpNx_res0x_gelu and mlpNx_gelu are the same tensors.
std::optional<std::string> plain_type(std::optional<std::string> type) {
  constexpr std::string_view kNone = "_res0x_gelu";
  if (type && type->ends_with(kNone))
    *type = type->substr(0, type->size() - kNone.size()) + "_gelu";
  return type;
}

std::optional<ProjectorConfig> projector_of(const FusionCheckpoint& c, const char* prefix,
                                            WeightViews& views, const fusion::SaidConfig& said,
                                            const std::optional<std::string>& said_type,
                                            const std::optional<std::int64_t>& said_in,
                                            const char* type_key, const char* in_key) {
  const auto type = plain_type(said_type);
  if (views.empty()) {
    if (type != "identity" || !said.width) return std::nullopt;
    return ProjectorConfig{"identity", *said.width, *said.width};
  }
  if (type == "pooler") {  // says why it is not built
    in_file(said.path.string(), [&] { return projector_specs({*type, 1, 1}); });
  }
  const auto config = projector_config_of(views);
  if (!config) {
    throw FormatError(explain(place(c, prefix), "tensor " + views.begin()->first,
                              "a stack of linears (0.weight, 2.weight, ...)", kRemedy));
  }
  views = take_parameters(c.set, projector_specs(*config), {c.path.string(), prefix, {}});
  expect(said, type_key, type, config->type);
  expect(said, in_key, said_in, config->in);
  if (said.width) expect(said, "hidden_size", said.width, config->out);
  return config;
}

// Method and form: tensors first, then the caller's choice, then what config.json says.
void choose(FusionConfig& config, const std::string& method, const std::string& form,
            const std::string& where) {
  if (!method.empty()) {
    FusionConfig asked = config;
    set_method(asked, method);
    const bool residual = asked.form == GateForm::kResidual;
    if (asked.method != config.method || (residual && config.form != GateForm::kResidual)) {
      throw FormatError(
          explain(where, "method " + method,
                  name_of(config.method) + "/" + name_of(config.form) + ", what the tensors are",
                  "leave the method out, or take another checkpoint"));
    }
  }
  if (form.empty()) return;
  FusionConfig asked = config;
  set_form(asked, form);
  const bool has_scale = config.form == GateForm::kResidual;
  if ((asked.form == GateForm::kResidual) != has_scale) {
    throw FormatError(explain(where, "form " + form,
                              has_scale ? "residual: there is a residual_scale"
                                        : "raw or normed: there is no residual_scale",
                              "leave the form out, or take another checkpoint"));
  }
  config.form = asked.form;
}

// What is there, for a message.
std::string contents(const TensorSet& set) {
  std::string text = std::to_string(set.size()) + " tensors";
  if (set.size() > 0) text += " (" + set.tensors().begin()->first + ", ...)";
  return text;
}

// Add or only, or with `partial` what was asked for, when the caller or config.json names it;
// nothing otherwise.
std::optional<FusionConfig> bare_fusion(const fusion::SaidConfig& said,
                                        const CheckpointChoice& choice, const std::string& where) {
  FusionConfig config;
  const bool said_fuses = said.fuses.value_or(said.method.has_value());
  const std::string method = !choice.method.empty() ? choice.method
                             : said_fuses           ? said.method.value_or("add")
                                                    : "";
  if (method.empty()) return std::nullopt;
  if (choice.method.empty()) {
    in_file(where, [&] { set_method(config, method); });
    if (said.form) in_file(where, [&] { set_form(config, *said.form); });
  } else {
    set_method(config, method);
  }
  if (!choice.form.empty()) set_form(config, choice.form);
  const bool bare = config.method == FusionMethod::kAdd || config.method == FusionMethod::kOnly;
  return bare || choice.partial ? std::optional(config) : std::nullopt;
}

void read_fusion(FusionCheckpoint& c, const char* prefix, const fusion::SaidConfig& said,
                 const CheckpointChoice& choice) {
  const auto found = fusion::fusion_config_of(c.fusion_views, place(c, prefix));
  c.has_fusion = true;
  if (found) {
    if (said.fuses == false && choice.method.empty())
      throw InputError(
          explain(said.path.string() + ": " + said.fuses_key, "false",
                  "true: there are tensors " + std::string(prefix) + "*",
                  "pass --method " + name_of(found->method) + " to fuse with them all the same"));
    c.fusion = *found;
    in_file(said.path.string(), [&] {
      choose(c.fusion, said.method.value_or(""), said.form.value_or(""), said.path.string());
    });
    choose(c.fusion, choice.method, choice.form, "--method, --form for " + c.path.string());
  } else if (const auto bare = bare_fusion(said, choice, c.path.string())) {
    c.fusion = *bare;
    c.fusion.width = 0;
    c.has_fusion = bare->method == FusionMethod::kAdd || bare->method == FusionMethod::kOnly;
  } else if (choice.partial) {
    c.has_fusion = false;
    c.fusion.width = 0;
  } else {
    throw InputError(explain(c.path.string(), contents(c.set) + " without a gate",
                             std::string(kFusionPrefix) + "* or " + kSpatialFusionPrefix + "*",
                             kRemedy));
  }
  const bool cross = c.fusion.method == FusionMethod::kCrossAttention;
  if (said.heads) c.fusion.heads = *said.heads;
  if (said.dropout) c.fusion.dropout = *said.dropout;
  if (cross && c.has_fusion) expect(said, "number of blocks", said.layers, c.fusion.layers);
}

// One width for all modules; c.fusion's where only others tell it.
void check_widths(FusionCheckpoint& c, const char* prefix, const fusion::SaidConfig& said) {
  std::vector<std::pair<std::string, std::int64_t>> widths;
  if (c.fusion.width > 0) widths.emplace_back(prefix, c.fusion.width);
  if (c.generative) widths.emplace_back(kGenerativePrefix, c.generative->out);
  if (c.merger) widths.emplace_back(kSpatialMergerPrefix, c.merger->out);
  if (c.semantic) widths.emplace_back(kSemanticPrefix, c.semantic->out);
  if (said.width) widths.emplace_back("hidden_size of " + said.path.string(), *said.width);
  if (widths.empty()) {
    if (!c.has_fusion) return;
    throw InputError(explain(c.path.string(), contents(c.set) + ", none of which tells the width",
                             "a projector, or hidden_size in config.json", kRemedy));
  }
  for (const auto& [name, width] : widths) {
    if (width == widths[0].second) continue;
    throw FormatError(explain(c.path.string(),
                              name + " gives " + std::to_string(width) + " channels",
                              std::to_string(widths[0].second) + ", as " + widths[0].first,
                              "the modules are of different models"));
  }
  c.fusion.width = widths[0].second;
}

void read_scene(FusionCheckpoint& c, const fusion::SaidConfig& said) {
  c.semantic_views = below(c.set, kSemanticPrefix);
  c.generative_views = below(c.set, kGenerativePrefix);
  c.fusion_views = below(c.set, kFusionPrefix);
  c.semantic = projector_of(c, kSemanticPrefix, c.semantic_views, said, said.semantic_type,
                            said.semantic_in, "mm_projector_type", "mm_hidden_size");
  c.generative =
      projector_of(c, kGenerativePrefix, c.generative_views, said, said.generative_type,
                   said.generative_in, "generative_projector_type", "generative_feat_dim");
}

void read_spatial(FusionCheckpoint& c, const fusion::SaidConfig& said) {
  c.merger_views = below(c.set, kSpatialMergerPrefix);
  c.fusion_views = below(c.set, kSpatialFusionPrefix);
  if (c.merger_views.empty()) return;
  c.merger = merger_config_of(c.merger_views);
  if (!c.merger) {
    throw FormatError(explain(place(c, kSpatialMergerPrefix),
                              "tensor " + c.merger_views.begin()->first,
                              "mlp.0.weight and mlp.2.weight", "fetch the checkpoint again"));
  }
  c.merger_views =
      take_parameters(c.set, merger_specs(*c.merger), {c.path.string(), kSpatialMergerPrefix, {}});
  expect(said, "generative_merger_type", said.merger_type, c.merger->type);
  expect(said, "generative_merger_hidden_dim", said.merger_hidden, c.merger->hidden);
}

[[noreturn]] void fail_absent(const FusionCheckpoint& c, const std::string& prefix) {
  throw InputError(explain(c.path.string(), contents(c.set), "tensors " + prefix + "*", kRemedy));
}

// Everything that was read, by canonical full name.
std::map<std::string, TensorView> all_views(const FusionCheckpoint& c) {
  std::map<std::string, TensorView> out;
  const auto add = [&](std::string_view prefix, const WeightViews& views) {
    for (const auto& [name, view] : views) out.emplace(std::string(prefix) + name, view);
  };
  add(kSemanticPrefix, c.semantic_views);
  add(kGenerativePrefix, c.generative_views);
  add(kSpatialMergerPrefix, c.merger_views);
  add(kFusionPrefix, c.fusion_views);
  return out;
}

}  // namespace

std::string name_of(Release release) { return release == Release::kScene ? "scene" : "spatial"; }

FusionCheckpoint open_fusion_checkpoint(const fs::path& path, const CheckpointChoice& choice) {
  std::error_code error;
  const fs::path folder = fs::is_directory(path, error) ? path : path.parent_path();
  return open_fusion_checkpoint(read_set(path), path, folder / "config.json", choice);
}

FusionCheckpoint open_fusion_checkpoint(TensorSet set, const fs::path& path, const fs::path& config,
                                        const CheckpointChoice& choice) {
  FusionCheckpoint c;
  c.path = path;
  c.set = std::move(set);
  c.files = c.set.files();
  c.release = release_of(c);
  const bool spatial = c.release == Release::kSpatial;
  const auto said = fusion::read_said_config(config, spatial);
  if (!said.path.empty()) c.files.insert(c.files.begin(), said.path);
  c.trained_on = said.trained_on;
  c.initial_values = said.initial_values;
  if (spatial) {
    c.trained_on = read_spatial_settings(config, c.set).trained_on();
    read_spatial(c, said);
  } else {
    read_scene(c, said);
  }
  const char* prefix = spatial ? kSpatialFusionPrefix : kFusionPrefix;
  read_fusion(c, prefix, said, choice);
  check_widths(c, prefix, said);
  if (!c.has_fusion) return c;
  std::map<std::string, std::string> aliases;
  if (spatial) aliases["weight_gen"] = "weight_3d";
  c.fusion_views =
      take_parameters(c.set, fusion_specs(c.fusion), {c.path.string(), prefix, {}}, aliases);
  return c;
}

Projector FusionCheckpoint::semantic_projector(const Placement& placement,
                                               bool requires_grad) const {
  if (!semantic) fail_absent(*this, kSemanticPrefix);
  const auto values = read_values(projector_specs(*semantic), semantic_views);
  return {*semantic, values, placement, requires_grad};
}

Projector FusionCheckpoint::generative_projector(const Placement& placement,
                                                 bool requires_grad) const {
  if (!generative) fail_absent(*this, kGenerativePrefix);
  const auto values = read_values(projector_specs(*generative), generative_views);
  return {*generative, values, placement, requires_grad};
}

Merger FusionCheckpoint::generative_merger(const Placement& placement, bool requires_grad) const {
  if (!merger) fail_absent(*this, kSpatialMergerPrefix);
  const auto values = read_values(merger_specs(*merger), merger_views);
  return {*merger, values, placement, requires_grad};
}

Fusion FusionCheckpoint::fusion_module(const Placement& placement, bool requires_grad) const {
  const char* prefix = release == Release::kSpatial ? kSpatialFusionPrefix : kFusionPrefix;
  if (!has_fusion) fail_absent(*this, prefix);
  const auto values = read_values(fusion_specs(fusion), fusion_views);
  return {fusion, values, placement, requires_grad};
}

std::string FusionCheckpoint::fingerprint() const {
  return remembered_fingerprint(set.files(), kKind,
                                [&] { return vega::fingerprint(all_views(*this)); });
}

void FusionCheckpoint::check_finite() const {
  for (const auto& [name, view] : all_views(*this)) vega::check_finite(name, view, path);
}

}  // namespace vega
