// The frames of one scene through a backbone, into a writer.
#pragma once

#include <vector>

#include "base/progress.h"
#include "extract/chosen.h"
#include "extract/noise_source.h"
#include "models/backbone.h"
#include "store/features.h"

namespace vega::extract {

// What the steps of one scene share.
struct Job {
  const Recipe& recipe;
  const SceneSource& source;
  const Chosen& chosen;
  const FrameCache& cache;
  const NoiseSource& noise;
  ImageSize depth;
  const std::vector<std::size_t>&
      taps;  // taps of the backbone that are written, in the writer's order
  FeatureWriter& writer;
  Progress& progress;
};

// On the CPU one frame a worker, one intra-op thread each: bits do not depend on the number of
// workers. On CUDA workers prepare batches ahead of the device, and the last batch is padded.
// Throws InputError (a value that cannot be stored), and what the backbone throws.
void compute(const Job& job, const Backbone& backbone);

}  // namespace vega::extract
