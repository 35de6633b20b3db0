// One scene of `vega-extract features`: selected frames, keys, computing, writing.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>

#include "base/progress.h"
#include "extract/batching.h"
#include "extract/options.h"
#include "extract/recipe.h"
#include "run/items.h"
#include "run/run.h"

namespace vega::extract {

// A backbone whose weights are read when the first scene needs them.
class LazyBackbone {
 public:
  explicit LazyBackbone(std::unique_ptr<Backbone> backbone) : backbone_(std::move(backbone)) {}
  const Backbone& known() const { return *backbone_; }  // names, taps, cost
  Backbone& loaded();                                   // throws ModelError, DeviceError
  const std::string& fingerprint();                     // from any thread; throws ModelError

 private:
  std::unique_ptr<Backbone> backbone_;
  bool loaded_ = false, fingerprinted_ = false;
  std::mutex mutex_;  // of the fingerprint
  std::string fingerprint_;
};

// What the scenes of a run share.
struct SceneRun {
  const FeatureOptions& options;
  const Recipe& recipe;
  LazyBackbone& backbone;
  std::filesystem::path folder;  // of the outputs
  ProgressMode progress;
  Batching batching;  // frames a step on CUDA
};

// The path of an item: as given, or an id below --root. Throws InputError.
std::filesystem::path scene_path(const Item& item, const FeatureOptions& options);

// A scene on its way; nothing stays behind of one that is not finished. Both must outlive it.
std::unique_ptr<ItemWork> make_scene(const Item& item, SceneRun& run);

}  // namespace vega::extract
