// The frames of one scene through a backbone, into a writer.
#pragma once

#include <memory>
#include <vector>

#include "base/progress.h"
#include "extract/backlog.h"
#include "extract/batching.h"
#include "extract/device_lane.h"
#include "extract/feed.h"
#include "models/backbone.h"
#include "store/features.h"

namespace vega::extract {

// One scene to compute. On CUDA frames are stored behind compute(): what this refers to has to stay
// until storing.finish() has returned.
struct ComputeJob {
  NetworkInput input;
  // Taps of the backbone that are written, in the writer's order.
  const std::vector<std::size_t>& taps;
  FeatureWriter& writer;
  Progress& progress;  // counts frames times passes, on CUDA those that the device has been given
  DeviceLane& lane;
  Backlog& storing;
  std::unique_ptr<BatchFeed> feed = nullptr;  // CUDA: the first batches, under way already
};

// Frames that are computed and not yet stored, in batches.
inline constexpr std::size_t kUnstored = 2;
// Bytes of what encode() made that a device keeps for later passes; more of it waits on the host.
inline constexpr double kKeptOnDevice = 1 << 30;

// Bytes of the results of one frame, float32, in the pass over `taps` that gives most of them.
double result_bytes(const Backbone& backbone, const std::vector<std::size_t>& taps);

// Bytes on the device while steps of `frames` frames follow each other, without weights: the
// backbone's own, and frames, noise and results of those that are not stored yet.
double steps_bytes(const Backbone& backbone, ImageSize size, std::int64_t frames);
// The most frames, `most` at most, whose steps fit `room` bytes; 1 where none do.
std::int64_t fitting_frames(const Backbone& backbone, ImageSize size, std::int64_t most,
                            double room);

// Counts of the work that compute() did for one scene.
struct ComputeWork {
  std::int64_t encoded = 0;  // frames through encode()
  std::int64_t passes = 0;   // passes over them
  std::int64_t batch = 1, halvings = 0;
  std::int64_t on_host = 0;  // CUDA: frames that later passes took from the host
  double wait_s = 0;         // without anything to compute; of CUDA what the host waited
  DeviceTimes times;         // CUDA: of the device, once all is stored
};

// Every frame is encoded once; each pass then runs over all of them. On the CPU one frame a worker,
// one intra-op thread each: bits do not depend on the number of workers. On CUDA workers make
// batches ahead of the device, and compute() returns when the device has been given all of them:
// job.storing.finish() waits until they are stored, and throws what was wrong. With --batch auto
// the first pass is begun before the memory that is left decides how many frames fit; a batch that
// does not fit after all is halved, and `batching` keeps the smaller number. Throws InputError (a
// value that cannot be stored), and what the backbone throws.
ComputeWork compute(ComputeJob& job, Backbone& backbone, Batching& batching);

// The two halves of compute(), for tests.
ComputeWork compute_by_frames(ComputeJob& job, Backbone& backbone);
ComputeWork compute_by_batches(ComputeJob& job, Backbone& backbone, Batching& batching);

}  // namespace vega::extract
