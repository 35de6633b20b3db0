#include "synth/model_vlm.h"

#include <array>

#include "base/json.h"
#include "base/publish.h"
#include "fusion/checkpoint.h"
#include "models/qwen2/names.h"
#include "models/siglip/names.h"
#include "synth/model_siglip.h"
#include "synth/model_writer.h"
#include "text/bpe_trainer.h"
#include "text/tokenizer.h"
#include "vlm/checkpoint.h"

namespace vega::synth {
namespace fs = std::filesystem;
namespace {

constexpr std::array kTokenizerFiles = {"tokenizer.json",    "tokenizer_config.json",
                                        "vocab.json",        "merges.txt",
                                        "added_tokens.json", "special_tokens_map.json"};
constexpr std::int64_t kWidth = 256, kGenerative = 256;  // the latter: wan-tiny's

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
    for (const char* name : kTokenizerFiles)
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

qwen2::Config decoder_config(std::int64_t rows) {
  qwen2::Config c;
  c.hidden = kWidth;
  c.layers = 2;
  c.heads = 4;
  c.kv_heads = 2;
  c.head_dim = 64;
  c.mlp = 512;
  c.vocab = rows;
  c.max_positions = 32768;
  c.norm_eps = 1e-6;
  c.rope_theta = 1e6;
  return c;
}

std::vector<Row> rows_of(const qwen2::Config& decoder, const siglip::Config& tower, bool scene,
                         bool generative) {
  std::vector<Row> out;
  const auto add = [&](const std::string& name, const Shape& shape) {
    out.push_back({name, "vlm." + name, shape});
  };
  const auto add_all = [&](const std::string& prefix, const std::vector<ParameterSpec>& specs) {
    for (const auto& spec : specs) add(prefix + spec.name, spec.shape);
  };
  for (const auto& tensor : qwen2::decoder_tensors(decoder))
    add("model." + tensor.canonical, tensor.shape);
  add("lm_head.weight", {decoder.vocab, kWidth});
  add(vlm::kNewlineName, {kWidth});
  add_all(kSemanticPrefix, projector_specs({"mlp2x_gelu", tower.width, kWidth}));
  if (generative) {
    add_all(kGenerativePrefix, projector_specs({"mlp2x_gelu", kGenerative, kWidth}));
    FusionConfig fusion;
    fusion.width = kWidth;
    add_all(kFusionPrefix, fusion_specs(fusion));
  }
  if (scene) {
    vlm::GroundConfig ground;
    ground.width = kWidth;
    add_all(vlm::kGroundPrefix, vlm::ground_specs(ground));
  }
  for (const auto& tensors : {siglip::tower_tensors(tower), siglip::post_norm_tensors(tower)})
    for (const Row& row : synth::rows_of(tensors, "siglip.", KeyLayout::kAlias)) out.push_back(row);
  return out;
}

// The released keys, with their nulls.
Json model_config(const qwen2::Config& c, const siglip::Config& tower, const Words& words) {
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
          {"mm_hidden_size", tower.width},
          {"mm_projector_type", "mlp2x_gelu"},
          {"mm_patch_merge_type", "spatial_unpad"},
          {"mm_newline_position", "grid"},
          {"mm_spatial_pool_mode", "bilinear"},
          {"mm_use_im_start_end", false},
          {"mm_use_im_patch_token", false},
          {"tokenizer_model_max_length", 32768},
          {"vega_initial_values", true}};
}

void add_scene_keys(Json& config, const Words& words) {
  config.set("world_position_embedding_type", "avg-discrete-sin3d");
  config.set("voxel_size", 0.1);
  config.set("min_xyz_range", Json::list({-15, -15, -5}));
  config.set("max_xyz_range", Json::list({15, 15, 5}));
  config.set("object_feature_type", "patch14-pe");
  config.set("ground_head_type", "infonce");
  config.set("ground_head_temperature", 0.07);
  config.set("ground_token_ids", Json::list({words.ground}));
  config.set("coord_token_ids", Json::list({words.coord}));
}

void add_generative_keys(Json& config) {
  config.set("use_generative_feature", true);
  config.set("generative_feature_source", "online");
  config.set("generative_feat_dim", kGenerative);
  config.set("generative_projector_type", "mlp2x_gelu");
  config.set("use_feat_fusion", true);
  config.set("feature_fusion_method", "token_gated");
  config.set("generative_vision_tower_type", "wan_t2v_online");
  config.set("generative_vision_tower_size", "832*480");
  config.set("generative_vision_tower_timestep", 300);
  config.set("generative_vision_tower_shift", 5.0);
  config.set("generative_vision_tower_feat_block_idx", 20);
}

}  // namespace

void write_vlm(const ModelOptions& options, const fs::path& folder) {
  const bool generative = options.preset == "vlm-tiny";
  const bool scene = options.preset != "vlm-tiny-video";
  const Words words = write_tokenizer(options.tokenizer, folder);
  const qwen2::Config decoder = decoder_config(words.rows);
  const siglip::Config tower = siglip_preset("siglip-tiny");
  const std::vector<Row> rows = rows_of(decoder, tower, scene, generative);
  std::int64_t values = 0;
  for (const Row& row : rows) values += element_count(row.shape);
  ModelWriter(options, values).safetensors(folder, "model", rows, 2);
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
  Json config = model_config(decoder, tower, words);
  if (scene) add_scene_keys(config, words);
  if (generative) add_generative_keys(config);
  publish_file(folder / "config.json", config.dump(2) + "\n");
}

}  // namespace vega::synth
