#include "models/wan/write.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "base/error.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/publish.h"
#include "core/dtype.h"
#include "core/tensor.h"
#include "models/wan/names.h"
#include "store/prompt.h"
#include "weights/safetensors_writer.h"

namespace vega::wan {
namespace fs = std::filesystem;
namespace {

constexpr auto kWeightStem = "diffusion_pytorch_model";
constexpr std::int64_t kReleasedTextDim = 4096;

void publish_json(const fs::path& path, const Json& json) {
  publish_file(path, json.dump(2) + "\n");
}

Json original_config(const DitConfig& c) {
  Json json{{"_class_name", "WanModel"}, {"_diffusers_version", "0.30.0"},
            {"model_type", "t2v"},       {"dim", c.dim},
            {"ffn_dim", c.ffn_dim},      {"freq_dim", c.freq_dim},
            {"in_dim", c.in_dim},        {"out_dim", c.out_dim},
            {"num_heads", c.heads},      {"num_layers", c.layers},
            {"text_len", c.text_len},    {"eps", c.eps}};
  // The releases leave it out where it is the default.
  if (c.text_dim != kReleasedTextDim) json.set("text_dim", c.text_dim);
  if (c.patch != DitConfig().patch) json.set("patch_size", Json::list({1, c.patch, c.patch}));
  return json;
}

Json transformer_config(const DitConfig& c) {
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
          {"patch_size", Json::list({1, c.patch, c.patch})},
          {"pos_embed_seq_len", nullptr},
          {"qk_norm", "rms_norm_across_heads"},
          {"rope_max_seq_len", 1024},
          {"text_dim", c.text_dim}};
}

Json vae_config(const VaeConfig& c) {
  return {{"_class_name", "AutoencoderKLWan"},
          {"attn_scales", Json::list()},
          {"base_dim", c.base},
          {"dim_mult", c.mult},
          {"dropout", 0.0},
          {"latents_mean", kLatentMean},
          {"latents_std", kLatentStd},
          {"num_res_blocks", c.res_blocks},
          {"temperal_downsample", Json::list({false, true, true})},
          {"z_dim", c.z_dim}};
}

struct Part {
  std::vector<NamedTensor> tensors;
  KeyLayout keys = KeyLayout::kCanonical;
  const StoredTypes& types;
  const TensorSource& source;

  TensorSpec spec(const NamedTensor& tensor) const {
    return {tensor.name(keys), types.of(tensor.canonical), tensor.shape};
  }
};

void write_safetensors_part(const fs::path& folder, const Part& part, int shards) {
  std::vector<TensorSpec> specs;
  std::uint64_t total = 0;
  for (const NamedTensor& tensor : part.tensors) {
    specs.push_back(part.spec(tensor));
    total += static_cast<std::uint64_t>(element_count(tensor.shape)) * size_of(specs.back().dtype);
  }
  make_folder(folder);
  const auto most =
      shards < 2 ? total : total * 7 / 8 / (static_cast<std::uint64_t>(shards) - 1) + 1;
  ShardedWriter writer(folder, kWeightStem, specs, most);
  for (const NamedTensor& tensor : part.tensors) {
    part.source(tensor, [&](std::span<const std::byte> piece) {
      writer.write(tensor.name(part.keys), piece);
    });
  }
  writer.publish();
}

void write_torch_part(const fs::path& path, const Part& part) {
  std::vector<TorchEntry> entries;
  for (const NamedTensor& tensor : part.tensors) {
    entries.push_back(
        {part.spec(tensor), [&part, &tensor](const ByteSink& sink) { part.source(tensor, sink); }});
  }
  write_torch_file(path, entries, true);
}

bool may_be_absent(const NamedTensor& tensor) {
  return tensor.canonical.starts_with("decoder.") || tensor.canonical.starts_with("conv2.");
}

// Throws InputError unless the table has these tensors and no others.
void check_table(const WeightTable& table, const std::vector<NamedTensor>& expected,
                 const char* network) {
  std::size_t found = 0;
  for (const NamedTensor& tensor : expected) {
    if (may_be_absent(tensor) && !table.contains(tensor.canonical)) continue;
    find_weight(table, tensor.canonical, tensor.shape);
    ++found;
  }
  if (found == table.size()) return;
  std::map<std::string, int, std::less<>> known;
  for (const NamedTensor& tensor : expected) known.emplace(tensor.canonical, 0);
  std::vector<std::string> strange;
  for (const auto& [name, value] : table)
    if (!known.contains(name)) strange.push_back(name);
  throw InputError(
      explain("weights of the " + std::string(network), some_of(strange), "tensors of Wan2.1"));
}

void write_zeros(const NamedTensor& tensor, DType dtype, const ByteSink& sink) {
  const std::vector<std::byte> zeros(std::size_t{1} << 16);
  auto left = static_cast<std::size_t>(element_count(tensor.shape)) * size_of(dtype);
  for (std::size_t piece = 0; left > 0; left -= piece) {
    piece = std::min(left, zeros.size());
    sink(std::span(zeros).first(piece));
  }
}

TensorSource source_of(const WeightTable& table, const StoredTypes& types) {
  return [&table, &types](const NamedTensor& tensor, const ByteSink& sink) {
    const DType dtype = types.of(tensor.canonical);
    const at::Tensor value = weight_or_none(table, tensor.canonical);
    if (!value.defined()) return write_zeros(tensor, dtype, sink);
    const at::Tensor made = value.detach().to(at::kCPU, scalar_type(dtype)).contiguous();
    if (!at::isfinite(made).all().item<bool>()) {
      throw InputError(explain(tensor.canonical, "values that are not finite",
                               "numbers that " + std::string(name_of(dtype)) + " holds"));
    }
    const TensorView view = view_of(made);
    sink(std::span(view.data, view.bytes()));
  };
}

// rows (n, width); undefined: one row of zeros. prompt.h5 holds bfloat16 alone: rows that are finer
// go to prompt.pt as they are.
void write_prompt_rows(const fs::path& folder, const at::Tensor& rows, std::int64_t width) {
  const at::Tensor given =
      rows.defined() ? rows.detach().to(at::kCPU, at::kFloat).contiguous() : at::zeros({1, width});
  if (given.dim() != 2 || given.size(0) < 1 || given.size(1) != width) {
    throw InputError(explain("prompt of a model", to_string(Shape(given.sizes().vec())),
                             "(rows, " + std::to_string(width) + ")"));
  }
  const at::Tensor bits = given.to(at::kBFloat16);
  if (!at::equal(bits.to(at::kFloat), given))
    return write_torch_tensor(folder / "prompt.pt", view_of(given));
  const TensorView view = view_of(bits);
  Prompt prompt;
  prompt.text = rows.defined() ? "(of another model)" : "(zeros)";
  prompt.rows = bits.size(0);
  prompt.width = width;
  prompt.context.resize(static_cast<std::size_t>(bits.numel()));
  std::memcpy(prompt.context.data(), view.data, view.bytes());
  prompt.header.key = "prompt";
  prompt.header.cache_key = xxh3_hex(std::as_bytes(std::span(prompt.context)));
  prompt.header.seed = 0;
  write_prompt(folder / "prompt.h5", prompt);
}

}  // namespace

void write_model_weights(const fs::path& folder, const ModelFiles& files) {
  const bool diffusers = files.layout == ModelLayout::kDiffusers;
  const KeyLayout keys = diffusers ? KeyLayout::kAlias : KeyLayout::kCanonical;
  const Part dit{dit_tensors(files.dit), keys, files.types, files.dit_source};
  const Part vae{vae_tensors(files.vae), keys, files.types, files.vae_source};
  if (!diffusers) {
    write_safetensors_part(folder, dit, files.dit_shards);
    write_torch_part(folder / "Wan2.1_VAE.pth", vae);
    return;
  }
  write_safetensors_part(folder / "transformer", dit, files.dit_shards);
  write_safetensors_part(folder / "vae", vae, 1);
  publish_json(folder / "vae" / "config.json", vae_config(files.vae));
  publish_json(folder / "model_index.json",
               {{"_class_name", "WanPipeline"},
                {"transformer", Json::list({"diffusers", "WanTransformer3DModel"})},
                {"vae", Json::list({"diffusers", "AutoencoderKLWan"})}});
}

void write_model_config(const fs::path& folder, ModelLayout layout, const DitConfig& config) {
  if (layout == ModelLayout::kDiffusers)
    publish_json(folder / "transformer" / "config.json", transformer_config(config));
  else
    publish_json(folder / "config.json", original_config(config));
}

void write_wan_model(const fs::path& folder, ModelLayout layout, const DitConfig& config,
                     const WeightTable& dit, const LinearVae& vae, const ModelRecord& record,
                     StoredTypes types, const at::Tensor& prompt) {
  check_table(dit, dit_tensors(config), "transformer");
  check_table(vae.weights, vae_tensors(vae.config), "VAE");
  types.others.insert(vae.types.begin(), vae.types.end());
  write_model_weights(folder, {.layout = layout,
                               .dit = config,
                               .vae = vae.config,
                               .types = types,
                               .dit_source = source_of(dit, types),
                               .vae_source = source_of(vae.weights, types)});
  write_prompt_rows(folder, prompt, config.text_dim);
  ModelRecord said = record;
  said.pixel_map = vae.pixel_map.defined() ? kPixelFile : "";
  if (vae.pixel_map.defined()) {
    const at::Tensor map = vae.pixel_map.to(at::kCPU, at::kFloat).contiguous();
    const at::Tensor mean = vae.pixel_mean.to(at::kCPU, at::kFloat).contiguous();
    write_safetensors(folder / kPixelFile,
                      {{"pixel_map", view_of(map)}, {"pixel_mean", view_of(mean)}});
  }
  publish_file(folder / kRecordFile, record_text(said));
  write_model_config(folder, layout, config);
}

WeightViews views_of(const WeightTable& weights) {
  WeightViews out;
  for (const auto& [name, tensor] : weights) out.emplace(name, view_of(tensor));
  return out;
}

}  // namespace vega::wan
