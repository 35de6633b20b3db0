#include "train/scene_files.h"

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "base/json.h"
#include "store/features.h"
#include "store/scene_file.h"

namespace vega::train {
namespace fs = std::filesystem;
namespace {

// The open files of a scene. `files` points into the others.
struct OpenPlace {
  std::optional<FeatureReader> semantic, generative;
  std::optional<SceneReader> scene;
  vlm::SceneFiles files;

  OpenPlace(const ScenePlace& place, const Recipe& recipe) {
    const SceneFolders& folders = recipe.folders;
    if (!place.semantic.empty()) files.semantic = &semantic.emplace(place.semantic);
    if (!place.generative.empty()) files.generative = &generative.emplace(place.generative);
    if (!place.scene.empty()) files.scene = &scene.emplace(place.scene);
    files.semantic_tap = folders.semantic_tap;
    files.generative_tap = folders.generative_tap;
    files.objects = folders.objects;
    files.allow_mismatch = folders.allow_mismatch;
    files.pixels = reads_pixels(recipe);
  }
  OpenPlace(const OpenPlace&) = delete;
  OpenPlace& operator=(const OpenPlace&) = delete;
};

std::string tap_key_of(const FeatureReader& file, const std::string& tap) {
  const std::string& key = file.taps()[file.tap_index(tap)].cache_key;
  return key.empty() ? file.header().cache_key : key;
}

fs::path file_in(const fs::path& folder, const std::string& key, const char* option) {
  return folder.empty() ? fs::path(option) : folder / (key + ".h5");
}

}  // namespace

bool reads_pixels(const Recipe& recipe) {
  return std::ranges::find(recipe.model.parts, vlm::Part::kTower) != recipe.model.parts.end();
}

ScenePlace place_of(const std::string& key, const Recipe& recipe,
                    const vlm::VlmCheckpoint& checkpoint, bool objects) {
  const SceneFolders& folders = recipe.folders;
  const vlm::Needs needs =
      checkpoint.needed_files(!folders.semantic.empty(), !folders.generative.empty());
  const bool pixels = reads_pixels(recipe);
  ScenePlace out;
  out.key = key;
  if (needs.semantic && !pixels) out.semantic = file_in(folders.semantic, key, "--semantic");
  if (needs.generative) out.generative = file_in(folders.generative, key, "--features");
  if (needs.positions || objects || pixels || (out.semantic.empty() && out.generative.empty()))
    out.scene = file_in(folders.scenes, key, "--scenes");
  return out;
}

std::string what_is_missing(const ScenePlace& place) {
  for (const fs::path& path : {place.semantic, place.generative, place.scene}) {
    if (path.empty() || fs::is_regular_file(path)) continue;
    return place.key + (path.native().starts_with("--") ? ": " + path.string() + " is not given"
                                                        : ": no such file: " + path.string());
  }
  return {};
}

std::vector<DataFile> read_headers(ScenePlace& place, const Recipe& recipe,
                                   const vlm::VlmCheckpoint& checkpoint, bool objects) {
  const OpenPlace open(place, recipe);
  vlm::check_recipe(checkpoint, open.files, recipe.model.switches);
  std::vector<DataFile> out;
  const auto add = [&](const char* kind, const fs::path& path, std::string key) {
    out.push_back(data_file(kind, place.key, path, std::move(key)));
  };
  if (open.semantic) {
    place.frames = static_cast<std::int64_t>(open.semantic->frame_count());
    add("semantic", place.semantic, tap_key_of(*open.semantic, recipe.folders.semantic_tap));
  }
  if (open.generative) {
    if (!open.semantic) place.frames = static_cast<std::int64_t>(open.generative->frame_count());
    add("features", place.generative, tap_key_of(*open.generative, recipe.folders.generative_tap));
  }
  if (open.scene) {
    if (!open.semantic && !open.generative)
      place.frames = static_cast<std::int64_t>(open.scene->frame_count());
    add("scene", place.scene, open.scene->header().cache_key);
    const ObjectKind kind = recipe.folders.objects;
    if (objects && !open.scene->has_objects(kind))
      throw InputError(explain(place.scene.string(), "no " + object_group(kind),
                               "the objects among which grounding chooses",
                               kind == ObjectKind::kGt
                                   ? "a scan with annotation, or --objects proposal"
                                   : "vega-extract scene --proposals, or --objects gt"));
    if (open.scene->has_objects(kind)) {
      const SceneObjects all = open.scene->objects(kind);
      place.object_ids = all.id;
      for (const Box& box : all.box) {
        place.boxes.emplace_back();
        std::copy(box.begin(), box.end(), place.boxes.back().begin());
      }
    }
  }
  return out;
}

FeatureKinds feature_kinds(const Recipe& recipe) {
  FeatureKinds out;
  const auto first_of = [](const fs::path& folder) {
    std::vector<fs::path> files;
    if (fs::is_directory(folder))
      for (const auto& entry : fs::directory_iterator(folder))
        if (entry.path().extension() == ".h5") files.push_back(entry.path());
    std::ranges::sort(files);
    return files.empty() ? fs::path() : files.front();
  };
  if (const fs::path file = first_of(recipe.folders.semantic); !file.empty()) {
    const FeatureReader open(file);
    out.semantic_width = open.taps()[open.tap_index(recipe.folders.semantic_tap)].channels;
  }
  const fs::path file = first_of(recipe.folders.generative);
  if (file.empty()) return out;
  const FeatureReader open(file);
  const TapInfo& tap = open.taps()[open.tap_index(recipe.folders.generative_tap)];
  out.generative_width = tap.channels;
  const auto options = parse_json(open.header().options_json).value_or(Json());
  out.generative = {tap.block, tap.timestep_asked, options["shift"].number().value_or(-1),
                    tap.width, tap.height,         tap.view};
  return out;
}

vlm::SceneInput read_place(const ScenePlace& place, const Recipe& recipe,
                           const vlm::VlmCheckpoint& checkpoint) {
  const OpenPlace open(place, recipe);
  return vlm::read_scene(checkpoint, open.files, recipe.model.switches);
}

}  // namespace vega::train
