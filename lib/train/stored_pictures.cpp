#include "train/stored_pictures.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "base/key.h"
#include "base/log.h"
#include "core/tensor.h"
#include "fusion/features.h"
#include "models/backbone.h"
#include "models/qwen2_5_vl/preprocess.h"
#include "store/features.h"
#include "vlm/generative_branch.h"
#include "vlm/scene.h"

namespace vega::train {
namespace fs = std::filesystem;
namespace {

constexpr auto kMake = "vega-extract features --store-dtype fp32 of the same videos makes them";

std::string ids_text(const std::vector<std::int64_t>& ids) {
  return fmt::format("{}", fmt::join(ids, ", "));
}

// The row of each frame that is shown.
std::vector<std::size_t> rows_of(const FeatureReader& file, const ScenePlace& place) {
  const std::vector<std::int64_t> there = file.frames().id;
  std::vector<std::size_t> out;
  std::vector<std::int64_t> lacking;
  for (const std::int64_t id : place.frame_ids) {
    const auto found = std::ranges::find(there, id);
    if (found == there.end())
      lacking.push_back(id);
    else
      out.push_back(static_cast<std::size_t>(found - there.begin()));
  }
  if (lacking.empty()) return out;
  throw InputError(explain(
      file.path().string(), "no frames " + ids_text(lacking),
      "all that are shown of " + place.key + ": " + ids_text(place.frame_ids),
      "vega-extract features --select list:FILE with these numbers, one a line, or stride:1"));
}

FeatureReader open_features(const fs::path& path) {
  if (!fs::is_regular_file(path)) throw InputError(explain(path.string(), "no such file", kMake));
  return FeatureReader(path);
}

at::Tensor rows_in(const fs::path& path, const std::string& name, const ScenePlace& place) {
  const FeatureReader file = open_features(path);
  const std::size_t tap = file.tap_index(name);
  const TapInfo& info = file.taps()[tap];
  std::vector<at::Tensor> out;
  for (const std::size_t row : rows_of(file, place))
    out.push_back(
        float_tensor(file.read_f32(tap, row, 1), {info.grid_h, info.grid_w, info.channels}));
  return at::stack(out);
}

std::string cache_key_of(const FeatureReader& file, const std::string& tap) {
  const std::string& key = file.taps()[file.tap_index(tap)].cache_key;
  return key.empty() ? file.header().cache_key : key;
}

// How the noise of a file differs from that of a run; empty: in nothing.
std::string other_noise(const FeatureReader& file, const ScenePlace& place, std::uint64_t seed) {
  const Json noise = parse_json(file.header().options_json).value_or(Json())["noise"];
  const Json wanted{
      {"kind", "v1"}, {"seed", static_cast<std::int64_t>(seed)}, {"scene", place.noise_key}};
  if (noise.sorted() == wanted.sorted()) return "";
  return fmt::format("noise {} (here {})", noise.dump(), wanted.dump());
}

}  // namespace

void StoredPictures::name_files(const fs::path& source, ScenePlace& place) const {
  const std::string name = (fs::is_directory(source) ? source.filename() : source.stem()).string();
  place.noise_key = clean_key(name);
  const SceneFolders& folders = recipe_.folders;
  const std::string file = place.noise_key + ".h5";
  if (!folders.semantic.empty()) place.semantic = folders.semantic / file;
  if (checkpoint_.config.generative && !folders.generative.empty())
    place.generative = folders.generative / file;
}

void StoredPictures::refuse(const std::string& message) {
  if (!recipe_.folders.allow_mismatch)
    throw InputError(message + "\n  extract them so, or pass --allow-mismatch");
  if (!std::exchange(warned_, true)) log_warn("{}\n  other files may differ too", message);
}

void StoredPictures::check_tower(const fs::path& path, const ScenePlace& place) {
  const FeatureReader file = open_features(path);
  static_cast<void>(rows_of(file, place));
  const TapInfo& info = file.taps()[file.tap_index(recipe_.folders.semantic_tap)];
  const std::int64_t hidden = checkpoint_.config.text.hidden;
  if (info.grid_h != place.grid[0] || info.grid_w != place.grid[1] || info.channels != hidden)
    throw InputError(explain(
        path.string(), fmt::format("{}x{} tokens of {}", info.grid_h, info.grid_w, info.channels),
        fmt::format("{}x{} of {}, as the frames of {} give", place.grid[0], place.grid[1], hidden,
                    place.key),
        fmt::format("vega-extract features --backbone qwen2.5-vl --size {}x{}",
                    place.grid[1] * qwen2_5_vl::kCell, place.grid[0] * qwen2_5_vl::kCell)));
  if (tower_key_.empty()) {
    BackboneOptions tower;
    tower.backbone = "qwen2.5-vl";
    tower.model = checkpoint_.base.string();
    tower.size = {static_cast<int>(info.width), static_cast<int>(info.height)};
    tower.pool_h = tower.pool_w = 0;
    tower_key_ = make_backbone(tower)->fingerprint();
  }
  if (file.header().model_fp != tower_key_)
    throw InputError(explain(path.string(), "tokens of another tower",
                             "those of " + checkpoint_.base.string(), kMake));
}

void StoredPictures::check_wan(const fs::path& path, const ScenePlace& place) {
  const FeatureReader file = open_features(path);
  static_cast<void>(rows_of(file, place));
  const std::size_t tap = file.tap_index(recipe_.folders.generative_tap);
  const TapInfo& info = file.taps()[tap];
  const std::int64_t channels = checkpoint_.modules.merger->in;
  if (info.channels != channels || info.pool != "native")
    throw InputError(
        explain(path.string(), fmt::format("{} channels, pooled {}", info.channels, info.pool),
                fmt::format("{} of generative_merger, --pool native", channels), kMake));
  std::string other = differences_from(checkpoint_.modules.trained_on, file, tap);
  const vlm::BranchOptions& branch = recipe_.model.branch;
  if (const std::string noise = other_noise(file, place, branch.seed); !noise.empty())
    other += "\n  " + noise;
  if (!other.empty())
    refuse(fmt::format("{} and {}: other features than it is trained on{}", path.string(),
                       checkpoint_.path.string(), other));
  if (wan_key_.empty()) wan_key_ = vlm::branch_fingerprint(checkpoint_.pictures->model, branch);
  if (file.header().model_fp != wan_key_)
    refuse(explain(path.string(), "features of another Wan", "those of --model", kMake));
}

std::vector<DataFile> StoredPictures::look(const ScenePlace& place) {
  std::vector<DataFile> out;
  const auto add = [&](const char* kind, const fs::path& path, const std::string& tap) {
    out.push_back(data_file(kind, place.key, path, cache_key_of(FeatureReader(path), tap)));
  };
  if (!place.semantic.empty()) {
    check_tower(place.semantic, place);
    add("semantic", place.semantic, recipe_.folders.semantic_tap);
  }
  if (!place.generative.empty()) {
    check_wan(place.generative, place);
    add("features", place.generative, recipe_.folders.generative_tap);
  }
  return out;
}

void read_stored(const ScenePlace& place, const Recipe& recipe, vlm::SceneInput& out) {
  if (!place.semantic.empty())
    out.semantic = rows_in(place.semantic, recipe.folders.semantic_tap, place);
  if (!place.generative.empty())
    out.generative = rows_in(place.generative, recipe.folders.generative_tap, place);
}

}  // namespace vega::train
