#include "vlm/train_config.h"

#include <fmt/format.h>

#include "base/json.h"

namespace vega::vlm {
namespace {

std::string position_text(const PositionConfig& position) {
  constexpr Choice<PointStrategy> kPoints[] = {{PointStrategy::kAvg, "avg"},
                                               {PointStrategy::kSample1, "sample1"},
                                               {PointStrategy::kSample5, "sample5"},
                                               {PointStrategy::kSample9, "sample9"},
                                               {PointStrategy::kMinMax, "minmax"}};
  std::string out(name_in<PointStrategy>(kPoints, position.points));
  if (position.discrete) out += "-discrete";
  if (position.embedding == Embedding::kSine) out += "-sin3d";
  if (position.embedding == Embedding::kMlp) out += "-mlp";
  if (position.rope) out += "-mrope";
  if (position.on_generative) out += "-gen";
  return out;
}

// Whole numbers where they are whole: the release's bfloat16 depends on the type of the ranges.
Json range_list(const std::array<float, 3>& range) {
  Json out = Json::list();
  for (const float value : range) {
    const auto whole = static_cast<std::int64_t>(value);
    if (static_cast<float>(whole) == value)
      out.push(whole);
    else
      out.push(static_cast<double>(value));
  }
  return out;
}

void set_position(Json& out, const PositionConfig& position) {
  out.set("world_position_embedding_type", position_text(position));
  // The shortest decimal of the float, not the double that it becomes: 0.1.
  const auto size = parse_json(fmt::format("{}", position.voxels.size));
  if (size) out.set("voxel_size", *size);
  out.set("min_xyz_range", range_list(position.voxels.low));
  out.set("max_xyz_range", range_list(position.voxels.high));
}

void set_projector(Json& out, const char* type_key, const char* width_key,
                   const ProjectorConfig& projector) {
  out.set(type_key, projector.type);
  out.set(width_key, projector.in);
}

void set_trained_on(Json& out, const TrainedOn& trained) {
  constexpr std::string_view kTower = "generative_vision_tower_";
  if (trained.block < 0 && trained.timestep < 0 && trained.width < 0) return;
  const auto set = [&](const char* name, const Json& value) {
    out.set(fmt::format("{}{}", kTower, name), value);
  };
  if (!out[fmt::format("{}type", kTower)].text_or("").starts_with("wan"))
    set("type", "wan_t2v_online");
  if (trained.block >= 0) set("feat_block_idx", trained.block);
  if (trained.timestep >= 0) set("timestep", trained.timestep);
  if (trained.shift >= 0) set("shift", trained.shift);
  if (trained.width > 0 && trained.height > 0)
    set("size", fmt::format("{}*{}", trained.width, trained.height));
  if (!trained.view.empty()) set("view", trained.view);
}

void set_fusion(Json& out, const FusionConfig& fusion) {
  const bool residual =
      fusion.method == FusionMethod::kTokenGated && fusion.form == GateForm::kResidual;
  out.set("feature_fusion_method",
          residual ? "token_gated_residual" : vega::name_of(fusion.method));
  if (fusion.method == FusionMethod::kTokenGated)
    out.set("feature_fusion_form", vega::name_of(fusion.form));
  else
    out.erase("feature_fusion_form");
  if (fusion.method != FusionMethod::kCrossAttention) return;
  out.set("fusion_attention_heads", fusion.heads);
  out.set("fusion_num_layers", fusion.layers);
  out.set("fusion_dropout", fusion.dropout);
}

void set_instruction(Json& out, const InstructionConfig& instruction) {
  out.set("instruction_relation_token_ids", instruction.relation);
  out.set("instruction_template_token_ids", instruction.templates);
  out.set("instruction_tail_keep_tokens", instruction.tail);
  out.set("instruction_relation_boost", instruction.boost);
}

void set_objects(Json& out, const VlmConfig& config) {
  if (config.objects != ObjectMode::kNone)
    out.set("object_feature_type", vega::name_of(config.objects) + "-pe");
  if (!config.ground) return;
  out.set("ground_head_type", std::string(name_in<GroundType>(kGroundTypes, config.ground->type)));
  out.set("ground_head_temperature", config.ground->temperature);
}

// Under the keys of the spatial release, with those that its training leaves out.
Json picture_config(const VlmCheckpoint& c) {
  Json out = read_json(c.config_folder / "config.json", "a model's configuration");
  out.set("vega_initial_values", false);
  if (!c.config.generative) return out;
  const FusionConfig& fusion = c.modules.fusion;
  const bool residual =
      fusion.method == FusionMethod::kTokenGated && fusion.form == GateForm::kResidual;
  const TrainedOn& trained = c.modules.trained_on;
  out.set("use_generative_encoder", true);
  out.set("generative_encoder_tower_type", "wan_t2v_online");
  if (!c.pictures->settings.model.empty())
    out.set("generative_encoder_path", c.pictures->settings.model.string());
  if (out["generative_vision_tower_task"].is_null())
    out.set("generative_vision_tower_task", c.modules.merger->in == 5120 ? "t2v-14B" : "t2v-1.3B");
  out.set("generative_encoder_freeze", true);
  out.set("generative_vision_tower_feat_block_idx", trained.block);
  out.set("generative_vision_tower_timestep", static_cast<std::int64_t>(trained.timestep));
  out.set("generative_vision_tower_shift", trained.shift);
  out.set("generative_vision_tower_size", fmt::format("{}*{}", trained.width, trained.height));
  out.set("generative_merger_type", c.modules.merger->type);
  out.set("generative_merger_hidden_dim", c.modules.merger->hidden);
  out.set("generative_fusion_method",
          residual ? "token_gated_residual" : vega::name_of(fusion.method));
  out.set("generative_fusion_num_layers", fusion.layers);
  if (fusion.method != FusionMethod::kCrossAttention) return out;
  out.set("generative_fusion_attention_heads", fusion.heads);
  out.set("generative_fusion_dropout", fusion.dropout);
  return out;
}

}  // namespace

Json training_config(const VlmCheckpoint& checkpoint) {
  if (checkpoint.pictures) return picture_config(checkpoint);
  const VlmConfig& config = checkpoint.config;
  Json out = read_json(checkpoint.config_folder / "config.json", "a model's configuration");
  out.set("vocab_size", config.text.vocab);
  set_projector(out, "mm_projector_type", "mm_hidden_size", *checkpoint.modules.semantic);
  if (config.generative) {
    out.set("use_generative_feature", true);
    set_projector(out, "generative_projector_type", "generative_feat_dim",
                  *checkpoint.modules.generative);
    set_trained_on(out, checkpoint.modules.trained_on);
    out.set("use_feat_fusion", config.fuses);
  }
  if (config.fuses) set_fusion(out, checkpoint.modules.fusion);
  if (config.fuses && checkpoint.modules.fusion.method == FusionMethod::kInstructionTokenGated)
    set_instruction(out, config.instruction);
  if (config.position) set_position(out, *config.position);
  set_objects(out, config);
  if (!config.control.ground.empty()) out.set("ground_token_ids", config.control.ground);
  if (!config.control.coord.empty()) out.set("coord_token_ids", config.control.coord);
  out.set("vega_initial_values", false);
  return out;
}

}  // namespace vega::vlm
