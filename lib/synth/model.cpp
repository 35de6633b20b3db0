#include "synth/model.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/publish.h"
#include "fusion/checkpoint.h"
#include "models/umt5/names.h"
#include "models/wan/names.h"
#include "models/wan/write.h"
#include "store/prompt.h"
#include "synth/model_qwen_vl.h"
#include "synth/model_siglip.h"
#include "synth/model_vlm.h"
#include "synth/model_writer.h"
#include "synth/weight_law.h"
#include "weights/torch_writer.h"

namespace vega::synth {
namespace fs = std::filesystem;
namespace {

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

KeyLayout keys_of(bool renamed) { return renamed ? KeyLayout::kAlias : KeyLayout::kCanonical; }

void publish_json(const fs::path& path, const Json& json) {
  publish_file(path, json.dump(2) + "\n");
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
  std::int64_t values = 0;
  for (const auto& tensors : {wan::dit_tensors(preset.dit), wan::vae_tensors(preset.vae)}) {
    for (const NamedTensor& tensor : tensors) values += element_count(tensor.shape);
  }
  ModelWriter writer(options, values);
  const auto layout = diffusers ? wan::ModelLayout::kDiffusers : wan::ModelLayout::kOriginal;
  wan::write_model_weights(folder, {.layout = layout,
                                    .dit = preset.dit,
                                    .vae = preset.vae,
                                    .types = options.dtype,
                                    .dit_shards = diffusers ? 2 : 1,
                                    .dit_source = writer.source("dit."),
                                    .vae_source = writer.source("vae.")});
  write_prompt_files(options, folder, preset.dit.text_dim);
  wan::write_model_config(folder, layout, preset.dit);
}

void write_umt5(const ModelOptions& options, const fs::path& folder, bool transformers) {
  const umt5::Config c = umt5_preset(options.preset);
  const auto rows = rows_of(umt5::tensors(c), "umt5.", keys_of(transformers));
  std::int64_t values = 0;
  for (const auto& row : rows) values += element_count(row.shape);
  ModelWriter writer(options, values);
  if (!transformers) return writer.torch(folder / "models_t5_umt5-xxl-enc-bf16.pth", rows);
  writer.safetensors(folder / "text_encoder", "model", rows, 2);
  publish_json(folder / "text_encoder" / "config.json",
               {{"architectures", Json::list({"UMT5EncoderModel"})},
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

// Presets of one network: the start of their names, their two layouts, the second one renamed.
struct Family {
  std::string_view start;
  std::array<const char*, 2> layouts;
  void (*write)(const ModelOptions&, const fs::path&, bool renamed);
};

// Projectors and gate of a VEGA-3D model, with initial values: the widths of siglip-tiny and
// wan-tiny, or the true ones. config.json says what the features were, as the release's does.
void write_vega(const ModelOptions& options, const fs::path& folder, bool) {
  if (options.dtype != DType::kF32)
    throw UsageError(explain("--dtype", std::string(name_of(options.dtype)),
                             "f32 with --preset " + options.preset));
  const bool tiny = options.preset == "vega-tiny";
  const std::int64_t width = tiny ? 256 : 3584;
  const ProjectorConfig semantic{"mlp2x_gelu", tiny ? 144 : 1152, width};
  const ProjectorConfig generative{"mlp2x_gelu", tiny ? 256 : 1536, width};
  FusionConfig fusion;
  fusion.width = width;
  write_fusion_checkpoint(folder, semantic, generative, fusion,
                          initial_modules(semantic, generative, fusion, options.seed));
  Json config = read_json(folder / "config.json", "the configuration just written");
  config.set("vega_initial_values", true);  // vega-fuse: trained = 0
  config.set("generative_vision_tower_type", "wan_t2v_online");
  config.set("generative_vision_tower_size", "832*480");
  config.set("generative_vision_tower_timestep", 300);
  config.set("generative_vision_tower_shift", 5.0);
  config.set("generative_vision_tower_feat_block_idx", 20);
  publish_json(folder / "config.json", config);
}

void write_language_model(const ModelOptions& options, const fs::path& folder, bool) {
  write_vlm(options, folder);
}

constexpr std::array kFamilies{Family{"wan-", {"original", "diffusers"}, write_wan},
                               Family{"umt5-", {"original", "diffusers"}, write_umt5},
                               Family{"siglip-", {"original", "llava-video"}, write_siglip},
                               Family{"vega-", {"original", "original"}, write_vega},
                               Family{"vlm-", {"original", "original"}, write_language_model},
                               Family{"qwen2.5-vl-", {"original", "transformers"}, write_qwen_vl},
                               Family{"spatial-", {"original", "original"}, write_spatial}};

const Family& family_of(const std::string& preset) {
  choice_of(model_presets(), "--preset", preset);
  return *std::ranges::find_if(kFamilies,
                               [&](const Family& f) { return preset.starts_with(f.start); });
}

constexpr Choice<std::string_view> kPresets[] = {
    {"wan-tiny", "wan-tiny",
     "Wan2.1-T2V, 30 blocks, width 256, 2 heads, FFN 512, VAE base 8 (106 MB)"},
    {"wan-1.3b", "wan-1.3b", "Wan2.1-T2V-1.3B at its true size (6.2 GB)"},
    {"umt5-tiny", "umt5-tiny", "UMT5 text encoder, 3 layers, width 64"},
    {"umt5-xxl", "umt5-xxl", "UMT5 text encoder at its true size (11.4 GB in bf16)"},
    {"siglip-tiny", "siglip-tiny",
     "SigLIP vision tower, 27 layers, width 144, 2 heads, 384 pixels (20 MB)"},
    {"siglip-so400m", "siglip-so400m",
     "SigLIP so400m/14-384's vision tower at its true size (1.7 GB)"},
    {"vega-tiny", "vega-tiny",
     "projectors and token gate of a VEGA-3D model for siglip-tiny and wan-tiny, width 256"},
    {"vega-7b", "vega-7b", "projectors and token gate of VEGA-3D at their true size (141 MB)"},
    {"vlm-tiny", "vlm-tiny",
     "a whole VEGA-3D model for siglip-tiny and wan-tiny: tower, projectors, gate, grounding head, "
     "Qwen2 of width 256 (27 MB)"},
    {"vlm-small", "vlm-small", "the same with a decoder of 8 layers of width 512 (157 MB)"},
    {"vlm-tiny-3d", "vlm-tiny-3d", "vlm-tiny without generative features: Video-3D-LLM"},
    {"vlm-tiny-video", "vlm-tiny-video", "and without 3D positions: LLaVA-Video"},
    {"vlm-study", "vlm-study",
     "a model to train from scratch, for a row of the study: Qwen2 of width 128, no tower, values "
     "as PyTorch's layers start (3 MB)"},
    {"qwen2.5-vl-tiny", "qwen2.5-vl-tiny",
     "Qwen2.5-VL with the head widths of the 3B and its tied head: tower of width 160, decoder of "
     "width 256 (13 MB)"},
    {"qwen2.5-vl-tiny-7b", "qwen2.5-vl-tiny-7b", "the same with a head of its own, as the 7B"},
    {"qwen2.5-vl-3b", "qwen2.5-vl-3b", "Qwen2.5-VL-3B at its true size (7.5 GB in bf16)"},
    {"qwen2.5-vl-7b", "qwen2.5-vl-7b", "Qwen2.5-VL-7B at its true size (16.6 GB in bf16)"},
    {"spatial-tiny", "spatial-tiny",
     "qwen2.5-vl-tiny with VEGA-3D's generative branch, its own copy of wan-tiny's transformer in "
     "it (118 MB)"},
    {"spatial-tiny-drawn", "spatial-tiny-drawn",
     "the same with a transformer that was drawn, not trained, as the released training saves it"},
    {"spatial-3b", "spatial-3b", "VEGA-3D's spatial model at its true size (10.4 GB in bf16)"}};

constexpr Choice<std::string_view> kStudyFusions[] = {
    {"token_gated", "token_gated", "a learned gate a token"},
    {"gated", "gated", "one a channel"},
    {"concat", "concat"},
    {"add", "add"},
    {"only", "only", "generative features alone"},
    {"none", "none", "semantic features alone"}};

}  // namespace

std::span<const Choice<std::string_view>> model_presets() { return kPresets; }
std::span<const Choice<std::string_view>> study_fusions() { return kStudyFusions; }

std::vector<fs::path> write_model(const ModelOptions& options) {
  const Family& family = family_of(options.preset);
  if (!options.tokenizer.empty() && family.start != "vlm-" && family.start != "qwen2.5-vl-" &&
      family.start != "spatial-")
    throw UsageError(explain("--tokenizer", "--preset " + options.preset,
                             "a vlm or spatial preset, or one of qwen2.5-vl"));
  if (!(options.row == StudyRow{}) && options.preset != "vlm-study")
    throw UsageError(explain("--semantic-width, --generative-width, --fusion, --zero-visual",
                             "--preset " + options.preset, "--preset vlm-study"));
  const bool both = options.layout == "both";
  const auto known = [&](const char* layout) { return options.layout == layout; };
  if (!both && std::ranges::none_of(family.layouts, known)) {
    throw UsageError(explain("--layout", "'" + options.layout + "'",
                             std::string(family.layouts[0]) + ", " + family.layouts[1] +
                                 " or both (--preset " + options.preset + ")"));
  }
  refuse_existing(options, options.folder);
  std::vector<fs::path> made;
  for (const bool renamed : {false, true}) {
    const std::string layout = family.layouts[renamed ? 1 : 0];
    if (!both && options.layout != layout) continue;
    if (renamed && layout == family.layouts[0]) continue;  // one layout only
    made.push_back(both ? options.folder / layout : options.folder);
    make_folder(made.back());
    family.write(options, made.back(), renamed);
    log_info("{}: {} in the {} layout", made.back().string(), options.preset, layout);
  }
  return made;
}

}  // namespace vega::synth
