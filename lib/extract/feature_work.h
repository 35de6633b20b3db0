// One scene of `vega-extract features`: selects frames, compares with the output that exists,
// computes, writes.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/progress.h"
#include "extract/batching.h"
#include "extract/device_lane.h"
#include "extract/dry_run.h"
#include "extract/lazy_backbone.h"
#include "extract/precision_error.h"
#include "extract/recipe.h"
#include "run/items.h"
#include "run/run.h"

namespace vega::extract {

// What the scenes of a run share.
struct FeatureRun {
  const Recipe& recipe;
  LazyBackbone& backbone;
  std::filesystem::path folder;  // of the outputs
  ProgressMode progress;
  Batching batching;  // frames a step on CUDA
  DeviceLane lane;
  std::optional<PrecisionError> precision = {};  // of --precision fp8, once it was measured
  Clock::time_point begun = Clock::now();
};

// Makes the work of one scene. A scene that is not finished leaves no file behind. `run` must
// outlive the work.
std::unique_ptr<ItemWork> make_feature_work(const Item& item, FeatureRun& run);

// What a run would do with the scene. Takes the steps of a run as far as they need no weight, and
// collects every fault.
DryScene look_at_features(const Item& item, FeatureRun& run, const Machine& machine);

}  // namespace vega::extract
