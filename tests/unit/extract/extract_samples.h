// Scenes, models and runs for the tests of lib/extract.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "extract/features.h"
#include "store/features.h"
#include "support/options.h"
#include "support/own_memory.h"
#include "support/support.h"
#include "synth/model.h"
#include "synth/scene.h"

namespace vega::test {

// A folder with a made-up Wan checkpoint of 30 narrow blocks, and room for scenes and outputs.
struct Bench {
  TempFolder folder;
  OwnMemory memory{folder / "memory"};
  std::string model = (folder / "tiny").string();

  Bench() {
    synth::ModelOptions options;
    options.folder = model;
    options.progress = ProgressMode::kOff;
    synth::write_model(options);
  }

  std::string scene(const std::string& name, int frames) const {
    SceneOptions options;
    options.folder = folder / name;
    options.frames = frames, options.width = 64, options.height = 48;
    write_scene(options);
    return options.folder.string();
  }

  // Small pictures; results below `out`.
  extract::FeatureOptions options(const std::string& input, const std::string& out) const {
    extract::FeatureOptions o;
    o.items.inputs = {input};
    o.model = model, test::set(o, "--size", "64x48"), o.output.tag = "t";
    o.output.out = (folder / out).string();
    return o;
  }
};

using Manifest = std::vector<std::pair<std::string, std::string>>;

inline RunResult run(const extract::FeatureOptions& options, Manifest* manifest = nullptr) {
  return extract::run_features(
      options, {ProgressMode::kOff, [&](const std::string& key, const std::string& path) {
                  if (manifest != nullptr) manifest->emplace_back(key, path);
                }});
}

// The one file of a run with one input.
inline FeatureReader run_one(const extract::FeatureOptions& options) {
  Manifest manifest;
  run(options, &manifest);
  return FeatureReader(manifest.at(0).second);
}

}  // namespace vega::test
