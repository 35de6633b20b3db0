#include "models/wan/checkpoint.h"

#include <utility>
#include <vector>

#include "base/error.h"
#include "base/json_fields.h"
#include "models/config_keys.h"
#include "models/model_path.h"
#include "models/wan/names.h"
#include "weights/fingerprint_memory.h"
#include "weights/model_files.h"
#include "weights/safetensors.h"
#include "weights/torch_file.h"

namespace vega::wan {
namespace fs = std::filesystem;
namespace {

constexpr auto kStem = "diffusion_pytorch_model";
constexpr auto kVaeFile = "Wan2.1_VAE.pth";
constexpr std::int64_t kMostLayers = 1000;
constexpr auto kReads = "vega reads Wan2.1 text-to-video checkpoints (T2V-1.3B, T2V-14B)";

void expect_class(const JsonFields& fields, const char* expected) {
  const std::string got = fields.text("_class_name").value_or("nothing");
  if (got == expected) return;
  throw InputError(explain(fields.path().string() + ": _class_name", got, expected, kReads));
}

// Keys that would change the network, and the only values of them that are computed.
void expect_network(const JsonFields& fields) {
  const std::vector<std::pair<const char*, Json>> only{{"window_size", Json::list({-1, -1})},
                                                       {"cross_attn_norm", true},
                                                       {"added_kv_proj_dim", {}},
                                                       {"image_dim", {}},
                                                       {"pos_embed_seq_len", {}}};
  for (const auto& [name, value] : only) fields.expect(name, value, kReads);
  const Json* norm = fields.find("qk_norm");
  if (norm != nullptr && *norm != true && *norm != "rms_norm_across_heads")
    fields.deny("qk_norm", "true or rms_norm_across_heads", kReads);
}

// Latent cells a token, each way.
std::int64_t patch_of(const JsonFields& fields) {
  const Json* sides = fields.find("patch_size");
  const std::int64_t usual = DitConfig().patch;
  if (sides == nullptr || *sides == Json::list({1, usual, usual})) return usual;
  if (*sides != Json::list({1, 1, 1})) fields.deny("patch_size", "[1,2,2] or [1,1,1]", kReads);
  return 1;
}

DitConfig original_config(const fs::path& path) {
  const JsonFields fields(path);
  expect_class(fields, "WanModel");
  fields.expect("model_type", "t2v", kReads);
  DitConfig c;
  c.dim = fields.whole("dim").value_or(c.dim);
  c.ffn_dim = fields.whole("ffn_dim").value_or(c.ffn_dim);
  c.freq_dim = fields.whole("freq_dim").value_or(c.freq_dim);
  c.in_dim = fields.whole("in_dim").value_or(c.in_dim);
  c.out_dim = fields.whole("out_dim").value_or(c.out_dim);
  c.heads = fields.whole("num_heads").value_or(c.heads);
  c.layers = fields.whole("num_layers").value_or(c.layers);
  c.text_len = fields.whole("text_len").value_or(c.text_len);
  c.eps = fields.positive("eps").value_or(c.eps);
  c.text_dim = fields.whole("text_dim").value_or(c.text_dim);  // absent in the releases
  c.patch = patch_of(fields);
  expect_network(fields);
  warn_unread(fields);
  return c;
}

DitConfig diffusers_config(const fs::path& path) {
  const JsonFields fields(path);
  expect_class(fields, "WanTransformer3DModel");
  DitConfig c;
  c.heads = fields.whole("num_attention_heads").value_or(c.heads);
  c.dim = c.heads * fields.whole("attention_head_dim").value_or(128);
  c.ffn_dim = fields.whole("ffn_dim").value_or(c.ffn_dim);
  c.freq_dim = fields.whole("freq_dim").value_or(c.freq_dim);
  c.in_dim = fields.whole("in_channels").value_or(c.in_dim);
  c.out_dim = fields.whole("out_channels").value_or(c.out_dim);
  c.layers = fields.whole("num_layers").value_or(c.layers);
  c.text_dim = fields.whole("text_dim").value_or(c.text_dim);
  c.eps = fields.positive("eps").value_or(c.eps);
  c.patch = patch_of(fields);
  expect_network(fields);
  fields.ignore({"rope_max_seq_len"});  // 1024 positions an axis: more than any grid has
  warn_unread(fields);
  return c;
}

void check_config(const DitConfig& c, const fs::path& path) {
  if (c.layers > kMostLayers) {  // a description of every tensor is made before any is looked for
    throw InputError(explain(path.string(), std::to_string(c.layers) + " layers",
                             "at most " + std::to_string(kMostLayers)));
  }
  const bool fits =
      c.dim % c.heads == 0 && c.head_dim() % 2 == 0 && c.freq_dim % 2 == 0 && c.in_dim == 16;
  if (fits) return;
  throw InputError(
      explain(path.string(),
              "width " + std::to_string(c.dim) + ", " + std::to_string(c.heads) + " heads, " +
                  std::to_string(c.in_dim) + " input channels",
              "an even head width that divides the model width, and 16 input channels"));
}

void check_vae_config(const fs::path& path) {
  const JsonFields fields(path);
  expect_class(fields, "AutoencoderKLWan");
  constexpr auto kWan22 = "this is the Wan2.2 VAE, which vega does not read";
  fields.expect("is_residual", false, kWan22);
  fields.expect("patch_size", {}, kWan22);
  constexpr auto kOther = "vega reads the VAE of Wan2.1";
  const VaeConfig c;
  const std::vector<std::pair<const char*, Json>> only{
      {"attn_scales", Json::list()},
      {"dim_mult", c.mult},
      {"num_res_blocks", c.res_blocks},
      {"temperal_downsample", Json::list({false, true, true})},
      {"z_dim", c.z_dim},
      {"latents_mean", kLatentMean},
      {"latents_std", kLatentStd},
      {"in_channels", 3}};
  for (const auto& [name, value] : only) fields.expect(name, value, kOther);
  // base_dim: the shapes of the tensors tell it. The rest concerns decoding and training.
  fields.ignore({"base_dim", "decoder_base_dim", "dropout", "out_channels", "clip_output",
                 "scale_factor_spatial", "scale_factor_temporal"});
  warn_unread(fields);
}

VaeConfig vae_config(const TensorSet& set, const std::string& first_conv, const fs::path& where) {
  VaeConfig config;
  const TensorView* view = set.find(first_conv);
  if (view == nullptr || view->shape.size() != 5 || view->shape[0] < 1) {
    throw FormatError(explain(where.string(), "no usable tensor " + first_conv, "a Wan2.1 VAE"));
  }
  config.base = view->shape[0];
  return config;
}

void note_files(Checkpoint& checkpoint) {
  for (const auto* set : {&checkpoint.dit_set, &checkpoint.vae_set}) {
    checkpoint.files.insert(checkpoint.files.end(), set->files().begin(), set->files().end());
  }
}

}  // namespace

Checkpoint open_checkpoint(const fs::path& folder) { return open_checkpoint(folder, {}); }

Checkpoint open_checkpoint(const fs::path& folder, const fs::path& spatial) {
  Checkpoint c;
  c.folder = folder;
  const bool diffusers = is_there(folder / "transformer" / "config.json");
  if (!diffusers && !is_there(folder / "config.json")) {
    throw InputError(
        explain("--model " + folder.string(),
                is_folder(folder) ? "a folder without a configuration" : "no such folder",
                "config.json (original layout) or transformer/config.json (diffusers)",
                "give the folder of Wan-AI/Wan2.1-T2V-1.3B or of its -Diffusers twin"));
  }
  c.layout = diffusers ? "diffusers" : "original";
  const KeyLayout keys = diffusers ? KeyLayout::kAlias : KeyLayout::kCanonical;
  const fs::path config =
      diffusers ? folder / "transformer" / "config.json" : folder / "config.json";
  c.dit_config = diffusers ? diffusers_config(config) : original_config(config);
  check_config(c.dit_config, config);
  if (spatial.empty()) {
    const fs::path dit_folder = diffusers ? folder / "transformer" : folder;
    c.dit_set = read_sharded(dit_folder, kStem);
    c.dit_prefix =
        find_prefix(c.dit_set, "patch_embedding.weight", dit_folder.string()).value_or("");
    c.dit = take_tensors(c.dit_set, dit_tensors(c.dit_config), keys,
                         {dit_folder.string(), c.dit_prefix, {}});
  } else {
    c.dit_elsewhere = true;
    c.dit_set = read_sharded(spatial, "model");
    c.dit_prefix = kSpatialDitPrefix;
    c.dit = take_tensors(c.dit_set, dit_tensors(c.dit_config), KeyLayout::kCanonical,
                         {spatial.string(), c.dit_prefix, {}});
  }

  const fs::path vae = diffusers ? folder / "vae" : folder / kVaeFile;
  if (diffusers) check_vae_config(vae / "config.json");
  c.vae_set = diffusers ? read_sharded(vae, kStem) : read_torch_file(vae);
  const std::string first_conv = diffusers ? "encoder.conv_in.weight" : "encoder.conv1.weight";
  c.vae_prefix = find_prefix(c.vae_set, first_conv, vae.string()).value_or("");
  c.vae_config = vae_config(c.vae_set, c.vae_prefix + first_conv, vae);
  c.vae =
      take_tensors(c.vae_set, vae_tensors(c.vae_config), keys, {vae.string(), c.vae_prefix, {}});
  c.files.push_back(config);
  note_files(c);
  return c;
}

std::string Checkpoint::fingerprint() const {
  constexpr auto kKind = "wan/1";
  return remembered_fingerprint(files, kKind, [&] {
    std::map<std::string, TensorView> all;
    for (const auto& [name, view] : dit) all.emplace("dit." + name, view);
    for (const auto& [name, view] : vae) all.emplace("vae." + name, view);
    return vega::fingerprint(all);
  });
}

void Checkpoint::check_finite(std::int64_t last_block) const {
  const KeyLayout keys = layout == "diffusers" ? KeyLayout::kAlias : KeyLayout::kCanonical;
  const KeyLayout dit_keys = dit_elsewhere ? KeyLayout::kCanonical : keys;
  const auto check = [](const TensorSet& set, const std::string& name, const TensorView& view) {
    set.verify(name);
    vega::check_finite(name, view, set.origin(name));
  };
  for (const auto& spec : dit_tensors(dit_config)) {
    if (spec.canonical.starts_with("head.")) continue;
    if (spec.canonical.starts_with("blocks.") && std::stoll(spec.canonical.substr(7)) > last_block)
      continue;
    check(dit_set, dit_prefix + spec.name(dit_keys), dit.at(spec.canonical));
  }
  for (const auto& spec : vae_tensors(vae_config)) {
    if (spec.canonical.starts_with("decoder.") || spec.canonical.starts_with("conv2.")) continue;
    check(vae_set, vae_prefix + spec.name(keys), vae.at(spec.canonical));
  }
}

}  // namespace vega::wan
