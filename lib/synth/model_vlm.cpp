#include "synth/model_vlm.h"

#include <optional>

#include "base/json.h"
#include "base/publish.h"
#include "fusion/checkpoint.h"
#include "models/qwen2/names.h"
#include "models/siglip/names.h"
#include "synth/model_siglip.h"
#include "synth/model_writer.h"
#include "text/bpe_trainer.h"
#include "text/tokenizer.h"
#include "text/tokenizer_file.h"
#include "vlm/checkpoint.h"

namespace vega::synth {
namespace fs = std::filesystem;
namespace {

constexpr std::int64_t kGenerative = 256;  // wan-tiny's

struct Words {
  std::int64_t rows = 0, end = 0, end_of_text = 0, ground = 0, coord = 0;
};

// Every byte a token, and the control words.
std::string byte_tokenizer() {
  text::TrainedBpe bytes;
  for (int byte = 0; byte < 256; ++byte) bytes.tokens.emplace_back(1, static_cast<char>(byte));
  std::vector<text::AddedToken> added;
  std::int32_t id = 256;
  for (const char* word : {"<|endoftext|>", "<|im_start|>", "<|im_end|>", "<image>"})
    added.push_back({.text = word, .id = id++, .special = true, .normalized = false});
  return text::tokenizer_json(bytes, added);
}

Words write_tokenizer(const fs::path& from, const fs::path& folder) {
  if (from.empty()) {
    publish_file(folder / "tokenizer.json", byte_tokenizer());
  } else {
    for (const char* name : text::kTokenizerFiles)
      if (fs::exists(from / name))
        fs::copy_file(from / name, folder / name, fs::copy_options::overwrite_existing);
  }
  text::Tokenizer words = text::Tokenizer::open(folder);
  const vlm::ControlIds marks = vlm::control_ids(words);
  Words out;
  out.end = marks.im_end;
  out.end_of_text = words.id_of("<|endoftext|>").value_or(static_cast<std::int32_t>(out.end));
  out.ground = words.add_token("<ground>", false);
  out.coord = words.add_token("<coord>", false);
  out.rows = static_cast<std::int64_t>(words.size());
  return out;
}

// What a preset is made of.
struct VlmPlan {
  qwen2::Config decoder;
  std::string law = "vlm.";                             // of its values
  std::int64_t semantic = 0, generative = kGenerative;  // channels of the features
  std::optional<FusionConfig> fusion;                   // absent: no generative features
  std::optional<siglip::Config> tower;
  bool scene = true;  // positions, objects, a grounding head
  const char* objects = "patch14-pe";
};

qwen2::Config decoder_config(std::int64_t width, std::int64_t mlp) {
  qwen2::Config c;
  c.hidden = width;
  c.layers = 2;
  c.heads = 4;
  c.kv_heads = 2;
  c.head_dim = width / 4;
  c.mlp = mlp;
  c.max_positions = 32768;
  c.norm_eps = 1e-6;
  c.rope_theta = 1e6;
  return c;
}

VlmPlan tiny_plan(const std::string& preset) {
  VlmPlan plan;
  plan.decoder = decoder_config(256, 512);
  if (preset == "vlm-small") {
    plan.decoder = decoder_config(512, 2048);
    plan.decoder.layers = 8;
  }
  plan.tower = siglip_preset("siglip-tiny");
  plan.semantic = plan.tower->width;
  plan.scene = preset != "vlm-tiny-video";
  if (preset == "vlm-tiny" || preset == "vlm-small") plan.fusion = FusionConfig{};
  return plan;
}

// Object features come from the row's own tokens: patch27.
VlmPlan study_plan(const StudyRow& row) {
  VlmPlan plan;
  plan.decoder = decoder_config(128, 344);
  plan.law = "study.";
  plan.semantic = row.semantic;
  plan.generative = row.generative;
  plan.objects = "patch27-pe";
  if (row.fusion == "none") return plan;
  plan.fusion = FusionConfig{};
  set_method(*plan.fusion, row.fusion);
  return plan;
}

VlmPlan plan_of(const ModelOptions& options) {
  VlmPlan plan =
      options.preset == "vlm-study" ? study_plan(options.row) : tiny_plan(options.preset);
  if (plan.fusion) plan.fusion->width = plan.decoder.hidden;
  return plan;
}

std::vector<Row> plan_rows(const VlmPlan& plan) {
  const std::int64_t width = plan.decoder.hidden;
  std::vector<Row> out;
  const auto add = [&](const std::string& name, const Shape& shape) {
    out.push_back({name, plan.law + name, shape});
  };
  const auto add_all = [&](const std::string& prefix, const std::vector<ParameterSpec>& specs) {
    for (const auto& spec : specs) add(prefix + spec.name, spec.shape);
  };
  for (const auto& tensor : qwen2::decoder_tensors(plan.decoder))
    add("model." + tensor.canonical, tensor.shape);
  add("lm_head.weight", {plan.decoder.vocab, width});
  add(vlm::kNewlineName, {width});
  add_all(kSemanticPrefix, projector_specs({"mlp2x_gelu", plan.semantic, width}));
  if (plan.fusion) {
    add_all(kGenerativePrefix, projector_specs({"mlp2x_gelu", plan.generative, width}));
    add_all(kFusionPrefix, fusion_specs(*plan.fusion));
  }
  if (plan.scene) {
    vlm::GroundConfig ground;
    ground.width = width;
    add_all(vlm::kGroundPrefix, vlm::ground_specs(ground));
  }
  if (!plan.tower) return out;
  for (const auto& tensors :
       {siglip::tower_tensors(*plan.tower), siglip::post_norm_tensors(*plan.tower)})
    for (const Row& row : rows_of(tensors, "siglip.", KeyLayout::kAlias)) out.push_back(row);
  return out;
}

// The released keys, with their nulls.
Json model_config(const VlmPlan& plan, const Words& words) {
  const qwen2::Config& c = plan.decoder;
  return {{"architectures", Json::list({"LlavaQwenForCausalLM"})},
          {"model_type", "llava_qwen"},
          {"hidden_size", c.hidden},
          {"intermediate_size", c.mlp},
          {"num_hidden_layers", c.layers},
          {"num_attention_heads", c.heads},
          {"num_key_value_heads", c.kv_heads},
          {"vocab_size", c.vocab},
          {"hidden_act", "silu"},
          {"rms_norm_eps", c.norm_eps},
          {"rope_theta", c.rope_theta},
          {"rope_scaling", nullptr},
          {"max_position_embeddings", c.max_positions},
          {"tie_word_embeddings", false},
          {"use_sliding_window", false},
          {"bos_token_id", words.end_of_text},
          {"eos_token_id", words.end},
          {"mm_vision_tower", "google/siglip-so400m-patch14-384"},
          {"mm_hidden_size", plan.semantic},
          {"mm_projector_type", "mlp2x_gelu"},
          {"mm_patch_merge_type", "spatial_unpad"},
          {"mm_newline_position", "grid"},
          {"mm_spatial_pool_mode", "bilinear"},
          {"mm_use_im_start_end", false},
          {"mm_use_im_patch_token", false},
          {"tokenizer_model_max_length", 32768},
          {"vega_initial_values", true}};
}

void add_scene_keys(Json& config, const VlmPlan& plan, const Words& words) {
  config.set("world_position_embedding_type", "avg-discrete-sin3d");
  config.set("voxel_size", 0.1);
  config.set("min_xyz_range", Json::list({-15, -15, -5}));
  config.set("max_xyz_range", Json::list({15, 15, 5}));
  config.set("object_feature_type", plan.objects);
  config.set("ground_head_type", "infonce");
  config.set("ground_head_temperature", 0.07);
  config.set("ground_token_ids", Json::list({words.ground}));
  config.set("coord_token_ids", Json::list({words.coord}));
}

void add_generative_keys(Json& config, const VlmPlan& plan) {
  config.set("use_generative_feature", true);
  config.set("generative_feature_source", "online");
  config.set("generative_feat_dim", plan.generative);
  config.set("generative_projector_type", "mlp2x_gelu");
  config.set("use_feat_fusion", true);
  config.set("feature_fusion_method", name_of(plan.fusion->method));
}

// What the features were that the model was trained on, as it says itself.
void add_wan_keys(Json& config) {
  config.set("generative_vision_tower_type", "wan_t2v_online");
  config.set("generative_vision_tower_size", "832*480");
  config.set("generative_vision_tower_timestep", 300);
  config.set("generative_vision_tower_shift", 5.0);
  config.set("generative_vision_tower_feat_block_idx", 20);
}

// Rows of the study differ by nothing else. They take features of any block and size.
void add_study_keys(Json& config, const StudyRow& row) {
  config.set("mm_vision_tower", nullptr);
  if (row.fusion == "none") config.set("use_generative_feature", false);
  if (row.zero_visual) config.set("vega_zero_visual", true);
}

}  // namespace

void write_vlm(const ModelOptions& options, const fs::path& folder) {
  VlmPlan plan = plan_of(options);
  const Words words = write_tokenizer(options.tokenizer, folder);
  plan.decoder.vocab = words.rows;
  const std::vector<Row> rows = plan_rows(plan);
  std::int64_t values = 0;
  for (const Row& row : rows) values += element_count(row.shape);
  ModelWriter(options, values).safetensors(folder, "model", rows, plan.tower ? 2 : 1);
  // As Qwen2-Instruct ships it.
  publish_file(folder / "generation_config.json",
               Json{{"bos_token_id", words.end_of_text},
                    {"pad_token_id", words.end_of_text},
                    {"do_sample", true},
                    {"eos_token_id", Json::list({words.end, words.end_of_text})},
                    {"repetition_penalty", 1.05},
                    {"temperature", 0.7},
                    {"top_p", 0.8},
                    {"top_k", 20}}
                       .dump(2) +
                   "\n");
  Json config = model_config(plan, words);
  if (plan.scene) add_scene_keys(config, plan, words);
  if (plan.fusion) add_generative_keys(config, plan);
  if (options.preset == "vlm-study")
    add_study_keys(config, options.row);
  else if (plan.fusion)
    add_wan_keys(config);
  publish_file(folder / "config.json", config.dump(2) + "\n");
}

}  // namespace vega::synth
