#include "synth/model_qwen_vl.h"

#include <algorithm>

#include "base/error.h"
#include "base/json.h"
#include "base/publish.h"
#include "fusion/checkpoint.h"
#include "models/qwen2/names.h"
#include "models/qwen2_5_vl/names.h"
#include "models/wan/checkpoint.h"
#include "models/wan/names.h"
#include "synth/model_writer.h"
#include "text/bpe_trainer.h"
#include "text/tokenizer.h"
#include "text/tokenizer_file.h"

namespace vega::synth {
namespace fs = std::filesystem;
namespace {

// In the order of the released ids, 151643 and up.
constexpr const char* kControlWords[] = {
    "<|endoftext|>",      "<|im_start|>",     "<|im_end|>",     "<|object_ref_start|>",
    "<|object_ref_end|>", "<|box_start|>",    "<|box_end|>",    "<|quad_start|>",
    "<|quad_end|>",       "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>",
    "<|image_pad|>",      "<|video_pad|>"};

std::string byte_words() {
  text::TrainedBpe bytes;
  for (int byte = 0; byte < 256; ++byte) bytes.tokens.emplace_back(1, static_cast<char>(byte));
  std::vector<text::AddedToken> added;
  std::int32_t id = 256;
  for (const char* word : kControlWords)
    added.push_back({.text = word, .id = id++, .special = true, .normalized = false});
  return text::tokenizer_json(bytes, added);
}

// The same as the three files of a slow tokeniser.
void write_slow_words(const fs::path& folder) {
  const Json all = parse_json(byte_words()).value();
  Json added = Json::object();
  for (const Json& word : all["added_tokens"].elements())
    added.set(word["content"].text_or(""), word["id"].whole().value());
  publish_file(folder / "vocab.json", all["model"]["vocab"].dump() + "\n");
  publish_file(folder / "merges.txt", "#version: 0.2\n");
  publish_file(folder / "added_tokens.json", added.dump(2) + "\n");
}

text::Tokenizer write_words(const fs::path& from, const fs::path& folder) {
  if (from.empty()) {
    publish_file(folder / "tokenizer.json", byte_words());
  } else {
    for (const char* name : text::kTokenizerFiles)
      if (fs::exists(from / name))
        fs::copy_file(from / name, folder / name, fs::copy_options::overwrite_existing);
  }
  return text::Tokenizer::open(folder);
}

std::int64_t id_of(const text::Tokenizer& words, const char* word) {
  if (const auto id = words.id_of(word)) return *id;
  throw InputError(explain("the tokeniser", std::string("no token ") + word,
                           "the control words of Qwen2.5-VL", "give its own tokeniser"));
}

std::vector<Row> qwen_rows(const qwen2_5_vl::Config& c, const qwen2_5_vl::Layout& layout) {
  std::vector<Row> out;
  const auto add = [&](const std::string& file, const std::string& law, const Shape& shape) {
    out.push_back({file, "qwen2_5_vl." + law, shape});
  };
  for (const auto& tensor : qwen2_5_vl::tower_tensors(c.vision))
    add(layout.tower + tensor.canonical, qwen2_5_vl::kOriginal.tower + tensor.canonical,
        tensor.shape);
  for (const auto& tensor : qwen2::decoder_tensors(c.text))
    add(layout.decoder + tensor.canonical, qwen2_5_vl::kOriginal.decoder + tensor.canonical,
        tensor.shape);
  if (!c.text.tied) add("lm_head.weight", "lm_head.weight", {c.text.vocab, c.text.hidden});
  return out;
}

Json vision_json(const qwen2_5_vl::VisionConfig& v, bool nested) {
  Json out{{"depth", v.layers},
           {"hidden_act", "silu"},
           {"hidden_size", v.width},
           {"intermediate_size", v.mlp},
           {"num_heads", v.heads},
           {nested ? "in_channels" : "in_chans", 3},
           {"out_hidden_size", v.out},
           {"patch_size", qwen2_5_vl::kPatch},
           {"spatial_merge_size", qwen2_5_vl::kMerge},
           {"temporal_patch_size", qwen2_5_vl::kTime},
           {"window_size", v.window_cells * qwen2_5_vl::kCell},
           {"fullatt_block_indexes", v.full_layers},
           {"tokens_per_second", 2}};
  if (nested)
    out.set("model_type", "qwen2_5_vl");
  else
    out.set("spatial_patch_size", qwen2_5_vl::kPatch);
  return out;
}

// The decoder's keys.
void add_text_keys(Json& out, const qwen2::Config& c, bool nested) {
  const Json sections = Json(c.rope_sections);
  out.set("hidden_size", c.hidden);
  out.set("intermediate_size", c.mlp);
  out.set("num_hidden_layers", c.layers);
  out.set("num_attention_heads", c.heads);
  out.set("num_key_value_heads", c.kv_heads);
  out.set("vocab_size", c.vocab);
  out.set("hidden_act", "silu");
  out.set("rms_norm_eps", c.norm_eps);
  out.set("max_position_embeddings", c.max_positions);
  out.set("use_sliding_window", false);
  if (nested) {
    out.set("model_type", "qwen2_5_vl_text");
    out.set("rope_parameters", {{"rope_type", "default"},
                                {"type", "default"},
                                {"mrope_section", sections},
                                {"rope_theta", c.rope_theta}});
  } else {
    out.set("rope_theta", c.rope_theta);
    out.set("rope_scaling", {{"type", "mrope"}, {"mrope_section", sections}});
  }
}

Json model_json(const qwen2_5_vl::Config& c, const text::Tokenizer& words, bool nested) {
  Json out{{"architectures", Json::list({"Qwen2_5_VLForConditionalGeneration"})},
           {"model_type", "qwen2_5_vl"},
           {"tie_word_embeddings", c.text.tied},
           {"bos_token_id", id_of(words, "<|endoftext|>")},
           {"eos_token_id", id_of(words, "<|im_end|>")},
           {"image_token_id", id_of(words, "<|image_pad|>")},
           {"video_token_id", id_of(words, "<|video_pad|>")},
           {"vision_start_token_id", id_of(words, "<|vision_start|>")},
           {"vision_end_token_id", id_of(words, "<|vision_end|>")},
           {"vision_config", vision_json(c.vision, nested)},
           {"vega_initial_values", true}};
  Json text = Json::object();
  add_text_keys(nested ? text : out, c.text, nested);
  if (nested) out.set("text_config", std::move(text));
  return out;
}

// As Qwen2.5-VL-Instruct ships them.
void write_settings(const fs::path& folder, const text::Tokenizer& words) {
  const auto publish = [&](const char* name, const Json& json) {
    publish_file(folder / name, json.dump(2) + "\n");
  };
  const std::int64_t end = id_of(words, "<|im_end|>"), none = id_of(words, "<|endoftext|>");
  publish("generation_config.json", {{"bos_token_id", none},
                                     {"pad_token_id", none},
                                     {"do_sample", true},
                                     {"eos_token_id", Json::list({end, none})},
                                     {"repetition_penalty", 1.05},
                                     {"temperature", 0.000001}});
  publish("preprocessor_config.json",
          {{"min_pixels", 3136},
           {"max_pixels", 12845056},
           {"patch_size", qwen2_5_vl::kPatch},
           {"temporal_patch_size", qwen2_5_vl::kTime},
           {"merge_size", qwen2_5_vl::kMerge},
           {"image_mean", Json::list({0.48145466, 0.4578275, 0.40821073})},
           {"image_std", Json::list({0.26862954, 0.26130258, 0.27577711})},
           {"image_processor_type", "Qwen2VLImageProcessor"},
           {"processor_class", "Qwen2_5_VLProcessor"}});
}

}  // namespace

qwen2_5_vl::Config qwen_vl_preset(const std::string& name, std::int64_t rows) {
  const bool tiny = name.find("tiny") != std::string::npos, large = name.ends_with("7b");
  qwen2_5_vl::Config c;
  qwen2::Config& t = c.text;
  t.hidden = tiny ? 256 : large ? 3584 : 2048;
  t.layers = tiny ? 2 : large ? 28 : 36;
  t.heads = tiny ? 2 : large ? 28 : 16;
  t.kv_heads = tiny ? 1 : large ? 4 : 2;
  t.head_dim = 128;
  t.mlp = tiny ? 512 : large ? 18944 : 11008;
  t.vocab = tiny ? rows : std::max<std::int64_t>(rows, large ? 152064 : 151936);
  t.max_positions = 128000;
  t.norm_eps = 1e-6;
  t.rope_theta = 1e6;
  t.rope_sections = {16, 24, 24};
  t.tied = !large;
  c.vision.width = tiny ? 160 : 1280;
  c.vision.out = t.hidden;
  if (tiny) {
    c.vision.layers = 4;
    c.vision.heads = 2;
    c.vision.mlp = 428;
    c.vision.full_layers = {1, 3};
  }
  return c;
}

void write_qwen_vl(const ModelOptions& options, const fs::path& folder, bool nested) {
  const text::Tokenizer words = write_words(options.tokenizer, folder);
  const qwen2_5_vl::Config c =
      qwen_vl_preset(options.preset, static_cast<std::int64_t>(words.size()));
  const auto rows = qwen_rows(c, nested ? qwen2_5_vl::kNested : qwen2_5_vl::kOriginal);
  std::int64_t values = 0;
  for (const Row& row : rows) values += element_count(row.shape);
  ModelWriter(options, values).safetensors(folder, "model", rows, 2);
  write_settings(folder, words);
  publish_file(folder / "config.json", model_json(c, words, nested).dump(2) + "\n");
}

namespace {

constexpr std::int64_t kMergerWidth = 4096, kTinyMergerWidth = 96;

FusionConfig spatial_fusion(std::int64_t width) {
  FusionConfig out;
  set_method(out, "token_gated_residual");
  out.width = width;
  return out;
}

// What the released training draws anew: Linear and Conv3d.
bool is_drawn(const std::string& name) {
  return (name.ends_with(".weight") || name.ends_with(".bias")) &&
         name.find("norm") == std::string::npos;
}

std::vector<Row> branch_rows(const MergerConfig& merger, const FusionConfig& fusion,
                             const wan::DitConfig& dit, bool drawn) {
  std::vector<Row> out;
  const auto add = [&](const std::string& name, const std::string& law, const Shape& shape) {
    out.push_back({name, law, shape});
  };
  for (const ParameterSpec& spec : merger_specs(merger))
    add(kSpatialMergerPrefix + spec.name,
        std::string("spatial.") + kSpatialMergerPrefix + spec.name, spec.shape);
  for (const ParameterSpec& spec : fusion_specs(fusion))
    add(kSpatialFusionPrefix + spec.name,
        std::string("spatial.") + kSpatialFusionPrefix + spec.name, spec.shape);
  for (const NamedTensor& tensor : wan::dit_tensors(dit)) {
    const std::string& name = tensor.canonical;
    add(wan::kSpatialDitPrefix + name, (drawn && is_drawn(name) ? "drawn.dit." : "dit.") + name,
        tensor.shape);
  }
  return out;
}

}  // namespace

void write_spatial(const ModelOptions& options, const fs::path& folder, bool) {
  const bool tiny = options.preset.find("tiny") != std::string::npos;
  if (options.tokenizer.empty()) write_slow_words(folder);
  const text::Tokenizer words = options.tokenizer.empty() ? text::Tokenizer::open(folder)
                                                          : write_words(options.tokenizer, folder);
  const qwen2_5_vl::Config c = qwen_vl_preset(tiny ? "qwen2.5-vl-tiny" : "qwen2.5-vl-3b",
                                              static_cast<std::int64_t>(words.size()));
  wan::DitConfig dit;
  if (tiny) {
    dit.dim = 256;
    dit.heads = 2;
    dit.ffn_dim = 512;
  }
  const MergerConfig merger{"mlp", dit.dim, tiny ? kTinyMergerWidth : kMergerWidth, c.text.hidden};
  std::vector<Row> rows = qwen_rows(c, qwen2_5_vl::kOriginal);
  for (Row& row :
       branch_rows(merger, spatial_fusion(c.text.hidden), dit, options.preset.ends_with("drawn")))
    rows.push_back(std::move(row));
  std::int64_t values = 0;
  for (const Row& row : rows) values += element_count(row.shape);
  ModelWriter(options, values).safetensors(folder, "model", rows, 2);
  write_settings(folder, words);
  Json config = model_json(c, words, false);
  config.set("use_generative_encoder", true);
  config.set("generative_encoder_tower_type", "wan_t2v_online");
  config.set("generative_encoder_path", "data/models/Wan2.1-T2V-1.3B");
  config.set("generative_vision_tower_task", "t2v-1.3B");
  config.set("generative_encoder_feature_dim", 2048);
  config.set("generative_encoder_freeze", true);
  config.set("generative_fusion_method", "token_gated_residual");
  config.set("generative_fusion_num_layers", 1);
  config.set("generative_merger_type", "mlp");
  if (tiny) config.set("generative_merger_hidden_dim", kTinyMergerWidth);
  publish_file(folder / "config.json", config.dump(2) + "\n");
}

}  // namespace vega::synth
