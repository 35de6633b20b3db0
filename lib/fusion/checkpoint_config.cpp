#include "fusion/checkpoint_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/json_fields.h"
#include "base/log.h"
#include "base/printable.h"

namespace vega::fusion {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kTower = "generative_vision_tower_";

std::optional<double> share(const JsonFields& fields, const char* name) {
  const auto value = fields.number(name);
  if (value && (*value < 0 || *value >= 1)) fields.refuse(name, "0 or more, less than 1");
  return value;
}

std::optional<std::int64_t> width(const JsonFields& fields, const char* name) {
  return fields.whole(name, 1, kMostWidth);
}

// What the training saw: the released code's keys. Those of other towers than Wan are passed over.
TrainedOn read_training(const JsonFields& fields) {
  const auto key = [](const char* name) { return std::string(kTower) + name; };
  TrainedOn out;
  const std::string type = fields.text(key("type")).value_or("");
  if (!type.starts_with("wan")) {
    for (const auto& name : fields.unread())
      if (name.starts_with(kTower)) fields.ignore({name});
    return out;
  }
  const auto block = fields.number(key("feat_block_idx")), t = fields.number(key("timestep"));
  const auto shift = fields.number(key("shift"));
  const std::string size = fields.text(key("size")).value_or("");
  const auto view = fields.text(key("view"));
  out.block = block ? static_cast<std::int64_t>(*block) : -1;
  out.timestep = t.value_or(-1);
  out.shift = shift.value_or(-1);
  long long columns = 0, rows = 0;
  if (std::sscanf(size.c_str(), "%lld*%lld", &columns, &rows) == 2) {  // "1280*720"
    out.width = columns;
    out.height = rows;
  }
  // What the released training saw, where vega's own key does not say otherwise.
  out.view = view.value_or("mllm");
  return out;
}

void read_scene(const JsonFields& fields, SaidConfig& said) {
  said.method = fields.text("feature_fusion_method");
  said.form = fields.text("feature_fusion_form");
  for (const char* name : {"use_generative_feature", "use_feat_fusion"}) {
    const auto flag = fields.flag(name);
    if (!flag || said.fuses == false) continue;
    said.fuses = flag;
    said.fuses_key = name;
  }
  said.heads = width(fields, "fusion_attention_heads");
  said.layers = width(fields, "fusion_num_layers");
  said.dropout = share(fields, "fusion_dropout");
  said.semantic_type = fields.text("mm_projector_type");
  said.semantic_in = width(fields, "mm_hidden_size");
  said.generative_type = fields.text("generative_projector_type");
  said.generative_in = width(fields, "generative_feat_dim");
  fields.expect(
      "mm_spatial_pool_mode", "bilinear",
      "vega pools 27 x 27 semantic tokens to 14 x 14 so, as the releases do; windows of 2 "
      "would leave 13 x 13 beside 14 x 14 generative tokens");
  fields.expect("mm_resampler_type", {}, "vega computes no resampler of the semantic tokens");
  // They place tokens in the sequence, tune, or are not used by the released code.
  fields.ignore(
      {"mm_patch_merge_type",      "mm_newline_position",       "mm_use_im_start_end",
       "mm_use_im_patch_token",    "mm_tunable_parts",          "mm_vision_tower",
       "mm_vision_tower_lr",       "mm_projector_lr",           "mm_vision_select_layer",
       "mm_vision_select_feature", "mm_spatial_pool_stride",    "mm_spatial_pool_out_channels",
       "mm_perceiver_depth",       "mm_perceiver_latents",      "mm_perceiver_ff_mult",
       "mm_perceiver_pretrained",  "mm_qformer_depth",          "mm_qformer_latents",
       "mm_qformer_pretrained",    "generative_feature_source", "generative_cache_max_items"});
}

void read_spatial(const JsonFields& fields, SaidConfig& said) {
  said.method = fields.text("generative_fusion_method");
  said.fuses = fields.flag("use_generative_encoder");
  said.fuses_key = "use_generative_encoder";
  said.heads = width(fields, "generative_fusion_attention_heads");
  said.layers = width(fields, "generative_fusion_num_layers");
  said.dropout = share(fields, "generative_fusion_dropout");
  said.merger_type = fields.text("generative_merger_type");
  said.merger_hidden = width(fields, "generative_merger_hidden_dim");
  fields.ignore({"generative_encoder_tower_type", "generative_encoder_path",
                 "generative_encoder_feature_dim", "generative_encoder_freeze"});
}

// They concern the extraction of features, and are not recorded in feature files. The release
// writes the keys of all its towers into every checkpoint, whichever it was trained with.
void ignore_extraction(const JsonFields& fields) {
  fields.ignore({"generative_vision_tower", "generative_profile"});
  for (const char* name : {"task",
                           "model_name",
                           "dtype",
                           "prompt_emb_path",
                           "context_scale",
                           "condition_on_first_frame",
                           "checkpoint_dir",
                           "checkpoint",
                           "weight_name",
                           "model_version",
                           "input_size",
                           "output_spatial",
                           "height",
                           "width",
                           "num_frames",
                           "num_inference_steps",
                           "pool_kernel",
                           "img_size",
                           "tubelet_size",
                           "pretrained",
                           "clip_checkpoint",
                           "sd21_checkpoint",
                           "empty_prompt_path",
                           "chunk_size",
                           "cfg_min",
                           "camera_scale"})
    fields.ignore({std::string(kTower) + name});
}

// Keys of projectors and fusion that nobody read.
std::vector<std::string> unknown_keys(const JsonFields& fields) {
  auto names = fields.unread();
  std::erase_if(names, [](const std::string& name) {
    constexpr std::array kFamilies{"mm_",       "generative_",    "fusion_", "feature_fusion_",
                                   "use_feat_", "use_generative_"};
    return std::ranges::none_of(kFamilies, [&](auto start) { return name.starts_with(start); });
  });
  return names;
}

}  // namespace

SaidConfig read_said_config(const fs::path& path, bool spatial) {
  SaidConfig said;
  std::error_code error;
  if (!fs::exists(path, error)) return said;
  said.path = path;
  const JsonFields fields(path);
  said.width = width(fields, "hidden_size");
  said.trained_on = read_training(fields);
  said.initial_values = fields.flag("vega_initial_values").value_or(false);
  ignore_extraction(fields);
  if (spatial) {
    read_spatial(fields, said);
  } else {
    read_scene(fields, said);
  }
  said.unknown = unknown_keys(fields);
  if (!said.unknown.empty())
    log_warn("{}: keys of projectors and fusion that vega does not know, and does without: {}",
             path.string(), printable(fmt::format("{}", fmt::join(said.unknown, ", "))));
  return said;
}

std::string config_text(const ProjectorConfig& semantic, const ProjectorConfig& generative,
                        const FusionConfig& fusion) {
  const bool residual =
      fusion.method == FusionMethod::kTokenGated && fusion.form == GateForm::kResidual;
  Json json{{"hidden_size", fusion.width},
            {"mm_projector_type", semantic.type},
            {"mm_hidden_size", semantic.in},
            {"use_generative_feature", true},
            {"generative_projector_type", generative.type},
            {"generative_feat_dim", generative.in},
            {"use_feat_fusion", true},
            {"feature_fusion_method", residual ? "token_gated_residual" : name_of(fusion.method)}};
  if (fusion.method == FusionMethod::kTokenGated) {
    json.set("feature_fusion_form", name_of(fusion.form));
  }
  if (fusion.method == FusionMethod::kCrossAttention) {
    json.set("fusion_attention_heads", fusion.heads);
    json.set("fusion_num_layers", fusion.layers);
    json.set("fusion_dropout", fusion.dropout);
  }
  return json.sorted().dump(2) + "\n";
}

}  // namespace vega::fusion
