#include "vlm/checkpoint_config.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/error.h"
#include "models/config_keys.h"
#include "models/qwen2/config_json.h"
#include "models/qwen2_5_vl/config_json.h"

namespace vega::vlm {
namespace {

std::vector<std::int64_t> ids(const JsonFields& fields, const char* name) {
  const Json* value = fields.find(name);
  if (value == nullptr) return {};
  if (!value->is_list()) fields.refuse(name, "a list of ids");
  std::vector<std::int64_t> out;
  for (const Json& element : value->elements()) {
    const auto id = element.whole();
    if (!id || *id < 0) fields.refuse(name, "a list of ids, 0 or more");
    out.push_back(*id);
  }
  return out;
}

void range(const JsonFields& fields, const char* name, std::array<float, 3>& out) {
  const Json* value = fields.find(name);
  if (value == nullptr) return;
  if (value->size() != 3) fields.refuse(name, "three numbers, m");
  for (std::size_t k = 0; k < 3; ++k) {
    const auto number = (*value)[k].number();
    if (!number) fields.refuse(name, "three numbers, m");
    out[k] = static_cast<float>(*number);
  }
}

std::string where(const JsonFields& fields, const char* name) {
  return fields.path().string() + ": " + name;
}

template <typename T>
T choice(const JsonFields& fields, const char* name, std::span<const Choice<T>> table,
         T otherwise) {
  const auto text = fields.text(name);
  if (!text) return otherwise;
  if (const auto found = find_choice(table, *text)) return *found;
  fields.deny(name, "one of " + listed(table, ", "), "the release has no other");
}

void read_position(const JsonFields& fields, VlmConfig& out) {
  const auto type = fields.text("world_position_embedding_type");
  VoxelGrid voxels;
  if (const auto size = fields.positive("voxel_size")) voxels.size = static_cast<float>(*size);
  range(fields, "min_xyz_range", voxels.low);
  range(fields, "max_xyz_range", voxels.high);
  for (std::size_t k = 0; k < 3; ++k)
    if (!(voxels.low[k] < voxels.high[k]))
      fields.refuse("max_xyz_range", "more than min_xyz_range");
  if (!type || type->empty()) return;
  out.position = parse_position(*type, where(fields, "world_position_embedding_type"));
  out.position->voxels = voxels;
  if (!out.position->rope) return;
  constexpr std::int64_t kHead = 128;  // the released sections are literals
  if (out.text.head_dim != kHead)
    fields.deny("world_position_embedding_type", "mrope with heads of 128 channels",
                "the release's sections (32, 16, 16) fit no other width");
  out.text.rope_sections = {32, 16, 16};
  const bool flat = fields.text("mm_patch_merge_type").value_or("flat") == "flat";
  if (out.newlines != Newlines::kGrid)
    fields.deny(flat ? "mm_patch_merge_type" : "mm_newline_position",
                flat ? "spatial_unpad beside mrope" : "grid beside mrope",
                "the release counts rows of 15 tokens");
  if (out.generative && !out.fuses)
    fields.deny("use_feat_fusion", "true beside mrope",
                "the release has no positions for generative tokens that follow");
}

void read_objects(const JsonFields& fields, VlmConfig& out) {
  const std::string type = fields.text("object_feature_type").value_or("");
  if (type.starts_with("patch14")) out.objects = ObjectMode::kPatch14;
  if (type.starts_with("patch27")) out.objects = ObjectMode::kPatch27;
  if (!type.empty() && out.objects == ObjectMode::kNone)
    fields.deny("object_feature_type", "patch14-pe or patch27-pe", "vega computes no others");
  const double temperature = fields.positive("ground_head_temperature").value_or(0.07);
  if (fields.find("ground_head_type") == nullptr) return;
  out.ground = GroundConfig{};
  out.ground->type = choice<GroundType>(fields, "ground_head_type", kGroundTypes, {});
  out.ground->width = out.text.hidden;
  out.ground->temperature = temperature;
  if (out.objects == ObjectMode::kNone)
    fields.refuse("object_feature_type", "patch14-pe or patch27-pe beside a ground_head_type");
}

// Without mm_patch_merge_type the release takes `flat`: no newline tokens, whatever their position.
void read_newlines(const JsonFields& fields, VlmConfig& out) {
  out.newlines = choice<Newlines>(fields, "mm_newline_position", kNewlines, Newlines::kOneToken);
  const std::string merge = fields.text("mm_patch_merge_type").value_or("flat");
  if (merge == "spatial_unpad") return;
  if (merge != "flat")
    fields.deny("mm_patch_merge_type", "spatial_unpad or flat",
                "vega places newline tokens as the released models do");
  out.newlines = Newlines::kNone;
  if (out.generative && !out.fuses)
    fields.deny("mm_patch_merge_type", "spatial_unpad beside use_feat_fusion false",
                "the release lets generative tokens follow in rows of that form only");
}

void read_instruction(const JsonFields& fields, VlmConfig& out) {
  const std::string method = fields.text("feature_fusion_method").value_or("");
  out.instruction.relation = ids(fields, "instruction_relation_token_ids");
  out.instruction.templates = ids(fields, "instruction_template_token_ids");
  if (const auto tail = fields.number("instruction_tail_keep_tokens"))
    out.instruction.tail = static_cast<std::int64_t>(*tail);
  out.instruction.boost = fields.number("instruction_relation_boost").value_or(2);
  const bool gated = method == "instruction_token_gated" || method == "context_gated";
  if (!gated || !out.fuses) return;
  for (const char* name : {"instruction_relation_token_ids", "instruction_template_token_ids"})
    if (fields.find(name) == nullptr) fields.refuse(name, "the ids that training stored");
}

// Keys of other parts of the model: fusion/checkpoint_config.h reads them and warns.
void leave_modules(const JsonFields& fields) {
  constexpr std::array kFamilies{"mm_", "generative_", "fusion_", "feature_fusion_",
                                 "use_generative_"};
  for (const std::string& name : fields.unread())
    if (std::ranges::any_of(kFamilies, [&](auto start) { return name.starts_with(start); }))
      fields.ignore({name});
}

}  // namespace

VlmConfig read_config(const JsonFields& fields) {
  if (qwen2_5_vl::is_qwen2_5_vl(fields))
    throw InputError(explain(fields.path().string(), "a Qwen2.5-VL model",
                             "a VEGA-3D, Video-3D-LLM or LLaVA-Video checkpoint",
                             "Qwen2.5-VL answers free questions about frames: vega-eval answer "
                             "SCENE --ask TEXT"));
  VlmConfig out;
  out.text = qwen2::config_from_json(fields);
  const auto generative = fields.flag("use_generative_feature");
  const bool fuses = fields.flag("use_feat_fusion").value_or(false);
  out.vega_release = generative.has_value();
  out.generative = generative.value_or(false);
  out.fuses = out.generative && fuses;
  for (const char* name : {"mm_use_im_start_end", "mm_use_im_patch_token"})
    fields.expect(name, false, "vega adds no such tokens");
  fields.expect("add_faster_video", false,
                "vega reads each frame once, and adds no coarser tokens of more frames");
  read_newlines(fields, out);
  read_position(fields, out);
  read_objects(fields, out);
  read_instruction(fields, out);
  out.control.ground = ids(fields, "ground_token_ids");
  out.control.coord = ids(fields, "coord_token_ids");
  if (out.ground && out.control.ground.empty())
    fields.refuse("ground_token_ids", "the id of <ground> beside a ground_head_type");
  out.most_tokens = fields.whole("tokenizer_model_max_length").value_or(32768);
  out.zero_visual = fields.flag("vega_zero_visual").value_or(false);
  leave_modules(fields);
  // Pictures, training, and what the released forward pass does not look at.
  fields.ignore({"image_aspect_ratio",
                 "image_crop_resolution",
                 "image_grid_pinpoints",
                 "image_split_resolution",
                 "image_token_index",
                 "tokenizer_padding_side",
                 "unfreeze_mm_vision_tower",
                 "vision_tower_pretrained",
                 "use_mm_proj",
                 "use_pos_skipping",
                 "pos_skipping_range",
                 "add_time_instruction",
                 "faster_token_stride",
                 "force_sample",
                 "freeze_mm_mlp_adapter",
                 "s2",
                 "s2_scales",
                 "frames_upbound",
                 "tune_mm_mlp_adapter",
                 "vega_initial_values",
                 "add_spatial_instruction",
                 "ground_head_hidden_size",
                 "ground_loss_scale",
                 "group_by_task_length",
                 "lora_enable"});
  warn_unread(fields);
  return out;
}

}  // namespace vega::vlm
