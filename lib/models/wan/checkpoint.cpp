#include "models/wan/checkpoint.h"

#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "models/model_path.h"
#include "models/wan/names.h"
#include "weights/fingerprint_memory.h"
#include "weights/json_text.h"
#include "weights/model_files.h"
#include "weights/safetensors.h"
#include "weights/torch_file.h"

namespace vega::wan {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::json;

constexpr auto kStem = "diffusion_pytorch_model";
constexpr auto kVaeFile = "Wan2.1_VAE.pth";
constexpr std::int64_t kMostLayers = 1000;

Json read_json(const fs::path& path) {
  if (std::ifstream in(path); !in) {
    const std::string reason = std::strerror(errno);
    throw InputError(explain(path.string(),
                             is_there(path) ? "cannot be read (" + reason + ")" : "no such file",
                             "a model configuration", "check the path and its permissions"));
  }
  return Json::parse(read_json_text(path, "a model configuration"));
}

// A value for a message, not longer than one.
std::string shown(const Json& value) {
  constexpr std::size_t kMost = 80;
  const std::string text = value.dump(-1, ' ', true);  // ASCII: cut nowhere within a character
  return text.size() <= kMost ? text : text.substr(0, kMost) + "...";
}

// A whole positive number below 2^24, so that products of two fit easily.
std::int64_t positive(const Json& json, const char* name, std::int64_t fallback,
                      const fs::path& path) {
  const auto found = json.find(name);
  if (found == json.end() || found->is_null()) return fallback;
  if (!found->is_number_integer() || found->get<std::int64_t>() < 1 ||
      found->get<std::int64_t>() >= (1 << 24)) {
    throw FormatError(explain(path.string() + ": " + name, shown(*found), "a positive number"));
  }
  return found->get<std::int64_t>();
}

double epsilon(const Json& json, const fs::path& path) {
  const auto found = json.find("eps");
  if (found == json.end() || found->is_null()) return 1e-6;
  const double value = found->is_number() ? found->get<double>() : 0;
  if (std::isfinite(value) && value > 0) return value;
  throw FormatError(explain(path.string() + ": eps", shown(*found), "a positive number"));
}

void expect_text(const Json& json, const char* name, std::string_view expected,
                 const fs::path& path) {
  const std::string got = json.contains(name) ? shown(json[name]) : "nothing";
  if (got != "\"" + std::string(expected) + "\"") {
    throw InputError(explain(path.string() + ": " + name, got, expected,
                             "vega reads Wan2.1 text-to-video checkpoints (T2V-1.3B, T2V-14B)"));
  }
}

DitConfig original_config(const fs::path& path) {
  const Json json = read_json(path);
  expect_text(json, "_class_name", "WanModel", path);
  if (json.contains("model_type")) expect_text(json, "model_type", "t2v", path);
  DitConfig c;
  c.dim = positive(json, "dim", c.dim, path);
  c.ffn_dim = positive(json, "ffn_dim", c.ffn_dim, path);
  c.freq_dim = positive(json, "freq_dim", c.freq_dim, path);
  c.in_dim = positive(json, "in_dim", c.in_dim, path);
  c.out_dim = positive(json, "out_dim", c.out_dim, path);
  c.heads = positive(json, "num_heads", c.heads, path);
  c.layers = positive(json, "num_layers", c.layers, path);
  c.text_len = positive(json, "text_len", c.text_len, path);
  c.eps = epsilon(json, path);
  return c;
}

DitConfig diffusers_config(const fs::path& path) {
  const Json json = read_json(path);
  expect_text(json, "_class_name", "WanTransformer3DModel", path);
  DitConfig c;
  c.heads = positive(json, "num_attention_heads", c.heads, path);
  c.dim = c.heads * positive(json, "attention_head_dim", 128, path);
  c.ffn_dim = positive(json, "ffn_dim", c.ffn_dim, path);
  c.freq_dim = positive(json, "freq_dim", c.freq_dim, path);
  c.text_dim = positive(json, "text_dim", c.text_dim, path);
  c.in_dim = positive(json, "in_channels", c.in_dim, path);
  c.out_dim = positive(json, "out_channels", c.out_dim, path);
  c.layers = positive(json, "num_layers", c.layers, path);
  c.eps = epsilon(json, path);
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
  const Json json = read_json(path);
  expect_text(json, "_class_name", "AutoencoderKLWan", path);
  const bool residual = json.contains("is_residual") && json["is_residual"] == true;
  const bool patched = json.contains("patch_size") && !json["patch_size"].is_null();
  if (residual || patched) {
    throw InputError(explain(path.string(), residual ? "is_residual true" : "a patch_size",
                             "a Wan2.1 VAE", "this is the Wan2.2 VAE, which vega does not read"));
  }
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

Checkpoint open_checkpoint(const fs::path& folder) {
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
  const fs::path dit_folder = diffusers ? folder / "transformer" : folder;
  c.dit_set = read_sharded(dit_folder, kStem);
  c.dit = take_tensors(c.dit_set, dit_tensors(c.dit_config), keys, dit_folder);

  const fs::path vae = diffusers ? folder / "vae" : folder / kVaeFile;
  if (diffusers) check_vae_config(vae / "config.json");
  c.vae_set = diffusers ? read_sharded(vae, kStem) : read_torch_file(vae);
  c.vae_config =
      vae_config(c.vae_set, diffusers ? "encoder.conv_in.weight" : "encoder.conv1.weight", vae);
  c.vae = take_tensors(c.vae_set, vae_tensors(c.vae_config), keys, vae);
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
  const auto check = [](const TensorSet& set, const std::string& name, const TensorView& view) {
    vega::check_finite(name, view, set.origin(name));
  };
  for (const auto& spec : dit_tensors(dit_config)) {
    if (spec.canonical.starts_with("head.")) continue;
    if (spec.canonical.starts_with("blocks.") && std::stoll(spec.canonical.substr(7)) > last_block)
      continue;
    check(dit_set, spec.name(keys), dit.at(spec.canonical));
  }
  for (const auto& spec : vae_tensors(vae_config)) {
    if (spec.canonical.starts_with("decoder.") || spec.canonical.starts_with("conv2.")) continue;
    check(vae_set, spec.name(keys), vae.at(spec.canonical));
  }
}

}  // namespace vega::wan
