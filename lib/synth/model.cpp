#include "synth/model.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/publish.h"
#include "models/umt5/names.h"
#include "models/wan/names.h"
#include "store/prompt.h"
#include "synth/weight_law.h"
#include "weights/safetensors_writer.h"
#include "weights/torch_writer.h"

namespace vega::synth {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::ordered_json;

// One tensor to make up: the name in the file, the canonical name that its values hang on, the
// shape.
struct Row {
  std::string file_name, law_name;
  Shape shape;
};

struct WanPreset {
  wan::DitConfig dit;
  wan::VaeConfig vae;
};

WanPreset wan_preset(const std::string& name) {
  WanPreset preset;
  if (name == "wan-1.3b") return preset;
  preset.dit.dim = 256;
  preset.dit.heads = 2;
  preset.dit.ffn_dim = 512;
  preset.vae.base = 8;
  return preset;
}

umt5::Config umt5_preset(const std::string& name) {
  if (name == "umt5-xxl") return {};
  return {
      .dim = 64, .inner = 64, .heads = 4, .ffn = 128, .layers = 3, .vocabulary = 32, .buckets = 32};
}

// `prefix` stands before the canonical names in the law.
std::vector<Row> rows_of(const std::vector<NamedTensor>& tensors, const std::string& prefix,
                         KeyLayout layout) {
  std::vector<Row> rows;
  for (const auto& tensor : tensors)
    rows.push_back({tensor.name(layout), prefix + tensor.canonical, tensor.shape});
  return rows;
}

KeyLayout keys_of(bool renamed) { return renamed ? KeyLayout::kAlias : KeyLayout::kCanonical; }

class Writer {
 public:
  Writer(const ModelOptions& options, std::int64_t values)
      : options_(options),
        progress_("writing " + options.preset, "M values", values >> 20, options.progress) {}

  // `shards` files of about the same size, or one without an index.
  void safetensors(const fs::path& folder, const std::string& stem, const std::vector<Row>& rows,
                   int shards) {
    std::vector<TensorSpec> specs;
    std::uint64_t total = 0;
    for (const auto& row : rows) {
      specs.push_back({row.file_name, options_.dtype, row.shape});
      total += static_cast<std::uint64_t>(element_count(row.shape)) * size_of(options_.dtype);
    }
    make_folder(folder);
    ShardedWriter writer(folder, stem, specs,
                         shards == 1 ? total : total * 7 / 8 / (shards - 1) + 1);
    for (const auto& row : rows) {
      stream_weights(options_.seed, row.law_name, row.shape, options_.dtype,
                     [&](std::span<const std::byte> piece) { writer.write(row.file_name, piece); });
      count(row);
    }
    writer.publish();
  }

  void torch(const fs::path& path, const std::vector<Row>& rows) {
    std::vector<TorchEntry> entries;
    for (const auto& row : rows) {
      entries.push_back(
          {{row.file_name, options_.dtype, row.shape}, [this, &row](const ByteSink& sink) {
             stream_weights(options_.seed, row.law_name, row.shape, options_.dtype, sink);
             count(row);
           }});
    }
    write_torch_file(path, entries, true);
  }

 private:
  void count(const Row& row) {
    values_ += element_count(row.shape);
    progress_.add((values_ >> 20) - shown_);
    shown_ = values_ >> 20;
  }

  const ModelOptions& options_;
  Progress progress_;
  std::int64_t values_ = 0, shown_ = 0;
};

void publish_json(const fs::path& path, const Json& json) {
  publish_file(path, json.dump(2) + "\n");
}

Json original_config(const wan::DitConfig& c) {
  return {{"_class_name", "WanModel"}, {"_diffusers_version", "0.30.0"},
          {"model_type", "t2v"},       {"dim", c.dim},
          {"ffn_dim", c.ffn_dim},      {"freq_dim", c.freq_dim},
          {"in_dim", c.in_dim},        {"out_dim", c.out_dim},
          {"num_heads", c.heads},      {"num_layers", c.layers},
          {"text_len", c.text_len},    {"eps", c.eps}};
}

Json transformer_config(const wan::DitConfig& c) {
  return {{"_class_name", "WanTransformer3DModel"},
          {"added_kv_proj_dim", nullptr},
          {"attention_head_dim", c.head_dim()},
          {"cross_attn_norm", true},
          {"eps", c.eps},
          {"ffn_dim", c.ffn_dim},
          {"freq_dim", c.freq_dim},
          {"image_dim", nullptr},
          {"in_channels", c.in_dim},
          {"num_attention_heads", c.heads},
          {"num_layers", c.layers},
          {"out_channels", c.out_dim},
          {"patch_size", {1, 2, 2}},
          {"pos_embed_seq_len", nullptr},
          {"qk_norm", "rms_norm_across_heads"},
          {"rope_max_seq_len", 1024},
          {"text_dim", c.text_dim}};
}

Json vae_config(const wan::VaeConfig& c) {
  return {{"_class_name", "AutoencoderKLWan"},
          {"attn_scales", Json::array()},
          {"base_dim", c.base},
          {"dim_mult", c.mult},
          {"dropout", 0.0},
          {"latents_mean", wan::kLatentMean},
          {"latents_std", wan::kLatentStd},
          {"num_res_blocks", c.res_blocks},
          {"temperal_downsample", {false, true, true}},
          {"z_dim", c.z_dim}};
}

void write_prompt_files(const ModelOptions& options, const fs::path& folder, std::int64_t width) {
  const Shape shape{1, width};
  std::vector<float> values(static_cast<std::size_t>(width));
  fill_weights(options.seed, "prompt.context", shape, 0, values);
  std::vector<std::uint16_t> bits(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) bits[i] = bf16_from_f32(values[i]);
  const TensorView view{DType::kBF16, shape, reinterpret_cast<const std::byte*>(bits.data())};
  write_torch_tensor(folder / "prompt.pt", view);
  Prompt prompt;
  prompt.header.key = "prompt";
  prompt.header.cache_key = xxh3_hex(std::as_bytes(std::span(bits)));
  prompt.header.seed = static_cast<std::int64_t>(options.seed);
  prompt.text = "(made up)";
  prompt.rows = 1;
  prompt.width = width;
  prompt.context = bits;
  write_prompt(folder / "prompt.h5", prompt);
}

void write_wan(const ModelOptions& options, const fs::path& folder, bool diffusers) {
  const WanPreset preset = wan_preset(options.preset);
  const auto dit = rows_of(wan::dit_tensors(preset.dit), "dit.", keys_of(diffusers));
  const auto vae = rows_of(wan::vae_tensors(preset.vae), "vae.", keys_of(diffusers));
  std::int64_t values = 0;
  for (const auto* rows : {&dit, &vae}) {
    for (const auto& row : *rows) values += element_count(row.shape);
  }
  Writer writer(options, values);
  if (diffusers) {
    writer.safetensors(folder / "transformer", "diffusion_pytorch_model", dit, 2);
    writer.safetensors(folder / "vae", "diffusion_pytorch_model", vae, 1);
    publish_json(folder / "vae" / "config.json", vae_config(preset.vae));
    publish_json(folder / "model_index.json",
                 {{"_class_name", "WanPipeline"},
                  {"transformer", {"diffusers", "WanTransformer3DModel"}},
                  {"vae", {"diffusers", "AutoencoderKLWan"}}});
  } else {
    writer.safetensors(folder, "diffusion_pytorch_model", dit, 1);
    writer.torch(folder / "Wan2.1_VAE.pth", vae);
  }
  write_prompt_files(options, folder, preset.dit.text_dim);
  // The configuration comes last: without it the folder is no model.
  if (diffusers)
    publish_json(folder / "transformer" / "config.json", transformer_config(preset.dit));
  else
    publish_json(folder / "config.json", original_config(preset.dit));
}

void write_umt5(const ModelOptions& options, const fs::path& folder, bool transformers) {
  const umt5::Config c = umt5_preset(options.preset);
  const auto rows = rows_of(umt5::tensors(c), "umt5.", keys_of(transformers));
  std::int64_t values = 0;
  for (const auto& row : rows) values += element_count(row.shape);
  Writer writer(options, values);
  if (!transformers) return writer.torch(folder / "models_t5_umt5-xxl-enc-bf16.pth", rows);
  writer.safetensors(folder / "text_encoder", "model", rows, 2);
  publish_json(folder / "text_encoder" / "config.json",
               {{"architectures", {"UMT5EncoderModel"}},
                {"model_type", "umt5"},
                {"d_model", c.dim},
                {"d_kv", c.inner / c.heads},
                {"d_ff", c.ffn},
                {"num_layers", c.layers},
                {"num_heads", c.heads},
                {"dense_act_fn", "gelu_new"},
                {"feed_forward_proj", "gated-gelu"},
                {"layer_norm_epsilon", 1e-6},
                {"relative_attention_num_buckets", c.buckets},
                {"relative_attention_max_distance", 128},
                {"vocab_size", c.vocabulary},
                {"pad_token_id", 0},
                {"eos_token_id", 1}});
}

void refuse_existing(const ModelOptions& options, const fs::path& folder) {
  if (options.overwrite || !fs::exists(folder) || fs::is_empty(folder)) return;
  throw RefusedError(explain(folder.string(), "a folder that is not empty", "a new one",
                             "give another -o, or --overwrite"));
}

}  // namespace

const std::vector<ModelPreset>& model_presets() {
  static const std::vector<ModelPreset> presets{
      {"wan-tiny", "Wan2.1-T2V, 30 blocks, width 256, 2 heads, FFN 512, VAE base 8 (106 MB)"},
      {"wan-1.3b", "Wan2.1-T2V-1.3B at its true size (6.2 GB)"},
      {"umt5-tiny", "UMT5 text encoder, 3 layers, width 64"},
      {"umt5-xxl", "UMT5 text encoder at its true size (11.4 GB in bf16)"},
  };
  return presets;
}

std::vector<fs::path> write_model(const ModelOptions& options) {
  std::string known;
  bool found = false;
  for (const auto& preset : model_presets()) {
    found = found || preset.name == options.preset;
    known += (known.empty() ? "" : ", ") + preset.name;
  }
  if (!found) throw UsageError(explain("--preset", "'" + options.preset + "'", "one of " + known));
  const bool both = options.layout == "both";
  if (!both && options.layout != "original" && options.layout != "diffusers") {
    throw UsageError(
        explain("--layout", "'" + options.layout + "'", "original, diffusers or both"));
  }
  refuse_existing(options, options.folder);
  std::vector<fs::path> made;
  for (const bool diffusers : {false, true}) {
    const std::string layout = diffusers ? "diffusers" : "original";
    if (!both && options.layout != layout) continue;
    made.push_back(both ? options.folder / layout : options.folder);
    make_folder(made.back());
    if (options.preset.starts_with("umt5-"))
      write_umt5(options, made.back(), diffusers);
    else
      write_wan(options, made.back(), diffusers);
    log_info("{}: {} in the {} layout", made.back().string(), options.preset, layout);
  }
  return made;
}

}  // namespace vega::synth
