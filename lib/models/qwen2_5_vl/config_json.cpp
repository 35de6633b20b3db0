#include "models/qwen2_5_vl/config_json.h"

#include <fmt/core.h>

#include <string>

#include "base/error.h"
#include "models/config_keys.h"
#include "models/model_path.h"
#include "models/qwen2/config_json.h"

namespace vega::qwen2_5_vl {
namespace fs = std::filesystem;
namespace {

constexpr auto kType = "qwen2_5_vl";
constexpr auto kRemedy = "vega computes the vision tower of Qwen2.5-VL; give the checkpoint of one";
constexpr auto kFetch = "fetch config.json again from where the checkpoint comes from";
constexpr std::int64_t kClassWidth = 3584;  // of transformers' Qwen2_5_VLVisionConfig, both widths

std::vector<std::int64_t> read_full_layers(const JsonFields& vision, std::int64_t layers,
                                           std::vector<std::int64_t> usual) {
  const Json* list = vision.find("fullatt_block_indexes");
  if (list == nullptr) return usual;
  const std::string expected = fmt::format("a list of layers, 0 to {}", layers - 1);
  if (!list->is_list()) vision.refuse("fullatt_block_indexes", expected, kFetch);
  std::vector<std::int64_t> out;
  for (const Json& one : list->elements()) {
    const auto layer = one.whole();
    if (!layer || *layer < 0 || *layer >= layers)
      vision.refuse("fullatt_block_indexes", expected, kFetch);
    out.push_back(*layer);
  }
  return out;
}

VisionConfig read_vision(const JsonFields& vision) {
  VisionConfig c;
  c.layers = vision.whole("depth").value_or(c.layers);
  c.width = vision.whole("hidden_size").value_or(kClassWidth);
  c.heads = vision.whole("num_heads").value_or(c.heads);
  c.mlp = vision.whole("intermediate_size").value_or(c.mlp);
  c.out = vision.whole("out_hidden_size").value_or(kClassWidth);
  const std::int64_t window = vision.whole("window_size").value_or(c.window_cells * kCell);
  if (window % kCell != 0)
    vision.deny("window_size", fmt::format("a multiple of {} pixels", kCell), kRemedy);
  c.window_cells = window / kCell;
  c.full_layers = read_full_layers(vision, c.layers, c.full_layers);
  vision.expect("hidden_act", "silu", kRemedy);
  vision.expect("in_chans", 3, kRemedy);
  vision.expect("in_channels", 3, kRemedy);
  vision.expect("patch_size", kPatch, kRemedy);
  vision.expect("spatial_patch_size", kPatch, kRemedy);
  vision.expect("spatial_merge_size", kMerge, kRemedy);
  vision.expect("temporal_patch_size", kTime, kRemedy);
  // tokens_per_second is about video tensors, which vega does not make: each frame is a picture.
  vision.ignore({"model_type", "tokens_per_second", "initializer_range", "dtype", "torch_dtype",
                 "transformers_version"});
  if (const Json* rope = vision.find("rope_parameters")) {
    const JsonFields fields(*rope, vision.path().string() + ": rope_parameters");
    fields.expect("rope_theta", kVisionTheta, kRemedy);
    fields.expect("rope_type", "axial", kRemedy);
  }
  // A row and a column turn a quarter of a head's elements each, in pairs.
  if (c.width % c.heads != 0 || c.head_dim() % 4 != 0)
    throw FormatError(explain(vision.path().string(),
                              fmt::format("hidden_size {}, num_heads {}", c.width, c.heads),
                              "heads whose width is a multiple of 4", kFetch));
  return c;
}

std::int64_t read_id(const JsonFields& file, const char* name) {
  const auto id = file.whole(name, 0);
  if (!id) file.refuse(name, "the id of a token", kFetch);
  return *id;
}

// Branches beside Qwen2.5-VL, which change what the decoder sees. Whether there is the generative
// one, whose other keys fusion/spatial.h reads. A model that training gives one may say before what
// it looks at.
bool read_branches(const JsonFields& file) {
  constexpr auto kPlain = "give a checkpoint without this branch of VG-LLM";
  file.expect("use_geometry_encoder", false, kPlain);
  file.expect("use_vggt_feature", false, kPlain);
  const bool generative = file.flag("use_generative_encoder").value_or(false);
  for (const std::string& name : file.unread())
    if (name.starts_with(generative ? "generative_" : "generative_vision_tower_"))
      file.ignore({name});
  return generative;
}

}  // namespace

bool is_qwen2_5_vl(const JsonFields& file) { return file.text("model_type") == kType; }

bool is_qwen2_5_vl(const fs::path& folder) {
  const fs::path path = folder / "config.json";
  if (!is_folder(folder) || !is_there(path)) return false;
  return is_qwen2_5_vl(JsonFields(path));
}

Config config_from_json(const JsonFields& file) {
  file.expect("model_type", kType, kRemedy);
  Config c;
  c.generative = read_branches(file);
  c.text = qwen2::config_from_json(file);
  const Json* vision = file.find("vision_config");
  if (vision == nullptr || !vision->is_object())
    file.refuse("vision_config", "the sizes of the vision tower", kFetch);
  const JsonFields fields(*vision, file.path().string() + ": vision_config");
  c.vision = read_vision(fields);
  warn_unread(fields);
  c.image_token = read_id(file, "image_token_id");
  c.vision_start = read_id(file, "vision_start_token_id");
  c.vision_end = read_id(file, "vision_end_token_id");
  // transformers 4.52 writes the decoder's keys twice; those of text_config were read.
  file.ignore({"hidden_size", "intermediate_size", "max_position_embeddings", "max_window_layers",
               "num_attention_heads", "num_hidden_layers", "num_key_value_heads", "rms_norm_eps",
               "rope_scaling", "rope_theta", "use_sliding_window", "vocab_size", "hidden_act",
               "tie_word_embeddings", "vega_initial_values"});
  if (!c.text.three_components())
    throw FormatError(explain(file.path().string() + ": mrope_section", "no such key",
                              "three counts of pairs of a head, such as 16, 24, 24", kFetch));
  if (c.vision.out != c.text.hidden)
    throw FormatError(explain(fields.path().string() + ": out_hidden_size",
                              std::to_string(c.vision.out),
                              std::to_string(c.text.hidden) + ", the decoder's width", kFetch));
  return c;
}

}  // namespace vega::qwen2_5_vl
