#include "models/siglip/checkpoint.h"

#include <bit>
#include <charconv>

#include "base/error.h"
#include "base/hash.h"
#include "models/model_path.h"
#include "models/siglip/config_json.h"
#include "models/siglip/names.h"
#include "weights/fingerprint_memory.h"
#include "weights/model_files.h"
#include "weights/safetensors.h"

namespace vega::siglip {
namespace fs = std::filesystem;
namespace {

constexpr auto kStem = "model";
constexpr std::string_view kPatches = "embeddings.patch_embedding.weight";
constexpr auto kFolders =
    "give the folder of google/siglip-so400m-patch14-384, or of a LLaVA-Video, Video-3D-LLM or "
    "VEGA checkpoint that holds its tower";

std::string prefix_of(const TensorSet& set, const fs::path& folder) {
  if (const auto prefix = find_prefix(set, kPatches, folder.string())) return *prefix;
  throw FormatError(explain(folder.string(), "no tensor " + std::string(kPatches),
                            "a SigLIP vision tower, under any prefix", kFolders));
}

const Shape& shape_of(const TensorSet& set, const std::string& name, std::size_t axes) {
  const TensorView& view = set.at(name);
  const bool fits = view.shape.size() == axes && element_count(view.shape) > 0;
  if (fits && view.shape[0] < (1 << 24)) return view.shape;
  throw FormatError(explain(set.origin(name).string() + ": " + name, to_string(view.shape),
                            std::to_string(axes) + " axes, none of them empty",
                            "fetch the checkpoint again"));
}

// heads 0: a width that is no multiple of kHeadDim.
Config implied_config(const TensorSet& set, const std::string& prefix) {
  Config c;
  const Shape& patches = shape_of(set, prefix + std::string(kPatches), 4);
  c.width = patches[0];
  c.patch = patches[3];
  c.mlp = shape_of(set, prefix + "encoder.layers.0.mlp.fc1.weight", 2)[0];
  c.heads = c.width % kHeadDim == 0 ? c.width / kHeadDim : 0;
  c.grid = kImageSide / c.patch;
  return c;
}

void check_config(const Config& c, const fs::path& folder) {
  if (c.heads > 0 && c.width % c.heads == 0 && c.grid > 0) return;
  throw InputError(explain(folder.string(),
                           "width " + std::to_string(c.width) + ", " +
                               (c.heads > 0 ? std::to_string(c.heads) : "unknown") +
                               " heads, patches of " + std::to_string(c.patch) + " pixels",
                           "heads that divide the width, and patches within 384 pixels", kFolders));
}

// Whether a name below the prefix is known not to run.
bool unused(std::string_view rest, const Config& c) {
  constexpr std::string_view kLayers = "encoder.layers.";
  if (rest.starts_with("head.") || rest.starts_with("post_layernorm.")) return true;
  if (rest == "embeddings.position_ids") return true;  // older conversions: 0, 1, 2, ...
  if (!rest.starts_with(kLayers)) return false;
  rest.remove_prefix(kLayers.size());
  std::int64_t layer = -1;
  std::from_chars(rest.data(), rest.data() + rest.size(), layer);
  return layer >= c.layers;
}

// The tower's tensors under the names in the file, below its prefix.
std::vector<NamedTensor> names_in_file(const Config& config) {
  auto rows = tower_tensors(config);
  for (auto& row : rows) row.alias = row.canonical.substr(kPrefix.size());
  return rows;
}

}  // namespace

Checkpoint open_checkpoint(const fs::path& folder) {
  if (!is_folder(folder)) {
    throw InputError(explain("--model " + folder.string(),
                             is_there(folder) ? "a file" : "no such folder",
                             "a folder with model*.safetensors", kFolders));
  }
  return open_checkpoint(read_sharded(folder, kStem), folder);
}

Checkpoint open_checkpoint(TensorSet set, const fs::path& folder) {
  Checkpoint c;
  c.folder = folder;
  c.set = std::move(set);
  c.prefix = prefix_of(c.set, folder);
  c.config = implied_config(c.set, c.prefix);
  const fs::path config = folder / "config.json";
  if (is_there(config)) {
    c.config = config_from_json(config, c.config);
    c.files.push_back(config);
  }
  check_config(c.config, folder);
  const fs::path preprocessor = folder / "preprocessor_config.json";
  if (is_there(preprocessor)) check_preprocessor(preprocessor);
  c.weights = take_tensors(
      c.set, names_in_file(c.config), KeyLayout::kAlias,
      {folder.string(), c.prefix, [&](std::string_view rest) { return unused(rest, c.config); }});
  c.files.insert(c.files.end(), c.set.files().begin(), c.set.files().end());
  return c;
}

std::string Checkpoint::fingerprint() const {
  constexpr auto kKind = "siglip/1";
  return known.get([&] {
    return remembered_fingerprint(files, kKind, [&] { return vega::fingerprint(weights); });
  });
}

std::string Checkpoint::model_fingerprint() const {
  Hasher hasher;
  hasher.field(fingerprint());
  hasher.number(config.heads).number(std::bit_cast<long long>(config.eps));
  return hasher.hex();
}

void Checkpoint::check_finite() const {
  for (const auto& spec : names_in_file(config)) {
    const std::string name = prefix + spec.alias;
    vega::check_finite(name, weights.at(spec.canonical), set.origin(name));
  }
}

}  // namespace vega::siglip
