#include "models/qwen2_5_vl/checkpoint.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "base/error.h"
#include "models/config_keys.h"
#include "models/model_path.h"
#include "models/qwen2/names.h"
#include "models/qwen2_5_vl/config_json.h"
#include "weights/fingerprint_memory.h"
#include "weights/model_files.h"
#include "weights/safetensors.h"

namespace vega::qwen2_5_vl {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kHead = "lm_head.weight";
constexpr auto kFolders = "give the folder of a Qwen2.5-VL model, such as Qwen2.5-VL-3B-Instruct";

// The first name that begins so; nothing: there is none.
std::optional<std::string> first_with(const std::vector<std::string>& names,
                                      const std::string& prefix) {
  const auto found = std::ranges::lower_bound(names, prefix);
  return found != names.end() && found->starts_with(prefix) ? std::optional(*found) : std::nullopt;
}

// All names of the checkpoint, sorted.
std::vector<std::string> all_names(const TensorSet& set) {
  std::vector<std::string> names = set.names();
  for (const auto& [name, type] : set.unreadable()) names.push_back(name);
  std::ranges::sort(names);
  return names;
}

Layout layout_of(const std::vector<std::string>& names, const fs::path& folder) {
  const auto first_of = [&](std::initializer_list<const char*> prefixes) {
    std::optional<std::string> found;
    for (const char* prefix : prefixes)
      if (!found) found = first_with(names, prefix);
    return found;
  };
  const auto nested = first_of({kNested.tower, kNested.decoder});
  const auto original =
      first_of({kOriginal.tower, "model.layers.", "model.embed_tokens.", "model.norm."});
  if (nested && original)
    throw FormatError(explain(folder.string(), "tensors " + *original + " and " + *nested,
                              "names of one layout, that of Hugging Face's releases or that of "
                              "transformers' newer classes",
                              "the shards are of two different saves: fetch the checkpoint again"));
  if (!nested && !original)
    throw FormatError(explain(folder.string(), "no tensor " + std::string(kOriginal.tower) + "*",
                              "those of Qwen2.5-VL", kFolders));
  return nested ? kNested : kOriginal;
}

// Tensors of VEGA-3D's generative branch.
constexpr std::string_view kGenerative = "generative_";

// Whether a name belongs to a branch that other programs add to Qwen2.5-VL.
bool of_branch(const std::string& name) {
  return std::ranges::any_of(
      std::array{kGenerative.data(), "geometry_", "feature_fusion.", "vggt."},
      [&](const char* part) {
        return name.starts_with(part) || name.starts_with(std::string("model.") + part);
      });
}

void check_rest(const Checkpoint& c, const std::vector<std::string>& names) {
  std::vector<std::string> unknown, branches;
  for (const std::string& name : names) {
    if (name == kHead || name.starts_with(c.layout.tower)) continue;
    if (c.config.generative && name.starts_with(kGenerative)) continue;
    if (of_branch(name))
      branches.push_back(name);
    else if (!name.starts_with(c.layout.decoder))
      unknown.push_back(name);
  }
  if (!branches.empty())
    throw InputError(explain(c.folder.string(), "tensors " + some_of(branches),
                             "a Qwen2.5-VL without branches, or with the generative branch that "
                             "\"use_generative_encoder\": true in config.json names; vega does not "
                             "compute that of VG-LLM",
                             kFolders));
  if (!unknown.empty())
    throw FormatError(explain(c.folder.string(), "unknown tensor " + some_of(unknown),
                              "tensors of Qwen2.5-VL", "another model, or parts of one"));
}

}  // namespace

std::string Checkpoint::fingerprint() const {
  return remembered_fingerprint(files, "qwen2_5_vl/1", [&] {
    std::map<std::string, TensorView> views;
    for (const auto& [name, view] : tower) views.emplace(kOriginal.tower + name, view);
    for (const auto& [name, view] : set.tensors()) {
      if (name == kHead && !config.text.tied) views.emplace(name, view);
      if (name.starts_with(layout.decoder) && !name.starts_with(layout.tower))
        views.emplace(kOriginal.decoder + name.substr(std::string_view(layout.decoder).size()),
                      view);
      if (config.generative && name.starts_with(kGenerative)) views.emplace(name, view);
    }
    return vega::fingerprint(views);
  });
}

std::string Checkpoint::tower_fingerprint() const {
  return remembered_fingerprint(files, "qwen2_5_vl.tower/1",
                                [&] { return vega::fingerprint(tower); });
}

void Checkpoint::check_finite() const {
  for (const auto& [name, view] : tower) {
    const std::string full = layout.tower + name;
    vega::check_finite(full, view, set.origin(full));
  }
}

Checkpoint open_checkpoint(const fs::path& folder) {
  if (!is_folder(folder))
    throw InputError(explain(folder.string(), is_there(folder) ? "a file" : "no such folder",
                             "a folder with config.json and model*.safetensors", kFolders));
  Checkpoint c;
  c.folder = c.weights = folder;
  const JsonFields fields(folder / "config.json");
  c.config = config_from_json(fields);
  warn_unread(fields);
  c.set = read_sharded(folder, "model");
  const std::vector<std::string> names = all_names(c.set);
  c.layout = layout_of(names, folder);
  check_rest(c, names);
  c.tower = take_tensors(c.set, tower_tensors(c.config.vision), KeyLayout::kCanonical,
                         {folder.string(), c.layout.tower, {}});
  take_tensors(c.set, qwen2::decoder_tensors(c.config.text), KeyLayout::kCanonical,
               {folder.string(), c.layout.decoder,
                [](std::string_view below) { return below.ends_with("rotary_emb.inv_freq"); }});
  c.files.push_back(fields.path());
  c.files.insert(c.files.end(), c.set.files().begin(), c.set.files().end());
  return c;
}

}  // namespace vega::qwen2_5_vl
