#include "vlm/qwen_reader.h"

#include <fmt/core.h>

#include <string>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "fusion/spatial.h"
#include "fusion/spatial_fusion.h"
#include "models/qwen2_5_vl/checkpoint.h"
#include "models/wan/checkpoint.h"
#include "models/wan/origin.h"
#include "text/tokenizer.h"
#include "vlm/generative_branch.h"
#include "vlm/picture_checkpoint.h"
#include "weights/model_files.h"

namespace vega::vlm {
namespace fs = std::filesystem;
namespace {

bool is_qwen(const fs::path& folder) {
  try {
    return is_picture_model(folder);
  } catch (const Error&) {
    return false;  // some other program's config.json
  }
}

std::string origin_text(const TensorSet& set, std::int64_t blocks) {
  WeightViews dit;
  const std::string_view prefix = wan::kSpatialDitPrefix;
  for (const auto& [name, view] : set.tensors())
    if (name.starts_with(prefix)) dit.emplace(name.substr(prefix.size()), view);
  wan::DitConfig config;
  config.layers = blocks;
  return wan::dit_origin(dit, config).text();
}

Json describe_branch(const qwen2_5_vl::Checkpoint& c) {
  const FusionCheckpoint modules = open_branch_modules(c);
  const SpatialSettings s = read_spatial_settings(c.folder / "config.json", c.set);
  const SpatialFusion fusion(modules, {});
  const std::string form = modules.fusion.method == FusionMethod::kTokenGated
                               ? ", " + vega::name_of(modules.fusion.form)
                               : "";
  return {{"merger", modules.merger->type},
          {"fusion", vega::name_of(modules.fusion.method) + form},
          {"residual_scale", fusion.residual_scale()},
          {"block", s.block},
          {"timestep", s.timestep},
          {"shift", s.shift},
          {"size", to_string(s.size)},
          {"transformer", s.has_dit() ? origin_text(c.set, s.own_blocks) : "none of its own"},
          {"not_as_the_paper", differences_from_paper(s, modules.fusion, fusion.residual_scale())}};
}

Json describe_model(const fs::path& folder) {
  const qwen2_5_vl::Checkpoint c = open_qwen(folder);
  const qwen2::Config& t = c.config.text;
  const qwen2_5_vl::VisionConfig& v = c.config.vision;
  Json out{{"path", folder.string()},
           {"network", "Qwen2.5-VL"},
           {"layout", c.layout.name},
           {"weights", describe_tensors(c.set.tensors())},
           {"tower", {{"layers", v.layers}, {"width", v.width}, {"heads", v.heads}}},
           {"decoder",
            {{"layers", t.layers},
             {"width", t.hidden},
             {"heads", t.heads},
             {"kv_heads", t.kv_heads},
             {"vocabulary", t.vocab},
             {"tied_head", t.tied}}}};
  if (c.config.generative) out.set("generative_branch", describe_branch(c));
  return out;
}

std::string inspect_model(const fs::path& folder) {
  const Json all = describe_model(folder);
  std::string text = folder.string() + "\n";
  const auto line = [&](const std::string& name, const std::string& value) {
    text += fmt::format("  {:<18} {}\n", name, value);
  };
  const auto whole = [](const Json& part, const char* name) {
    return part[name].whole().value_or(0);
  };
  line("network", all["network"].text_or("") + ", " + all["layout"].text_or("") + " layout");
  line("weights", fmt::format("{:.2f} M values, {:.1f} MB",
                              all["weights"]["values"].number().value_or(0) / 1e6,
                              all["weights"]["bytes"].number().value_or(0) / 1e6));
  const Json &tower = all["tower"], &decoder = all["decoder"];
  line("tower", fmt::format("{} layers, width {}, {} heads", whole(tower, "layers"),
                            whole(tower, "width"), whole(tower, "heads")));
  line("decoder",
       fmt::format("{} layers, width {}, {} heads, {} for keys, vocabulary {}",
                   whole(decoder, "layers"), whole(decoder, "width"), whole(decoder, "heads"),
                   whole(decoder, "kv_heads"), whole(decoder, "vocabulary")));
  const Json& branch = all["generative_branch"];
  if (!branch.is_object()) return text;
  text += "  generative branch\n";
  for (const auto& [name, value] : branch.members()) {
    const std::string shown = value.text_or(value.dump());
    if (!shown.empty()) text += fmt::format("    {:<16} {}\n", name, shown);
  }
  return text;
}

void check_model(const fs::path& folder) {
  const qwen2_5_vl::Checkpoint c = open_qwen(folder);
  for (const auto& [name, view] : c.set.tensors()) {
    c.set.verify(name);
    check_finite(name, view, c.set.origin(name));
  }
  if (c.config.generative) static_cast<void>(describe_branch(c));
  static_cast<void>(text::Tokenizer::open(c.folder));
}

}  // namespace

FileReader qwen_reader() {
  return reader_of({.kind = "folders of Qwen2.5-VL models",
                    .name = "Qwen2.5-VL-3B",
                    .fits = is_qwen,
                    .describe = describe_model,
                    .print = inspect_model,
                    .check = check_model});
}

}  // namespace vega::vlm
