// What features will take on this machine: disk, memory and time, before any is computed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "extract/recipe.h"
#include "media/image.h"
#include "models/backbone.h"
#include "models/cost.h"
#include "run/forecast.h"

namespace vega::extract {

// This machine as a run with these options would use it. NaN: unknown.
struct Machine {
  std::string device, dtype;  // "Intel Xeon ...", "f32"
  int workers = 1;            // frames at a time: threads on the CPU, the batch on CUDA
  bool cuda = false;
  double gemm = kUnknownAmount;  // FLOP/s of matrix products, all workers together, measured
  double efficiency = 1;         // share of it that the networks reach (docs/benchmarks.md)
  double host_free = kUnknownAmount, host_used = kUnknownAmount;  // bytes; used: by this process
  double device_free = kUnknownAmount;
  double disk_free = kUnknownAmount;  // where the outputs go
  std::string fault;                  // why the device could not be measured
};

// Measures for about 0.3 s where the backbone is a network. folder: of the outputs.
Machine measure_machine(const Recipe& recipe, const Backbone& backbone,
                        const std::filesystem::path& folder);

// The part of it that every run uses: the CPU, memory, and the disk where `folder` is or will be.
Machine measure_host(int threads, const std::filesystem::path& folder);

// What a dataset of flat bytes takes in a file: chunks of 1 MiB, the last one as long as the
// others.
double flat_bytes(double bytes);

// What was measured on one decoded frame, seconds on one thread.
struct FrameSample {
  double decode = kUnknownAmount;  // reading included
  bool decode_in_order = false;    // one frame after the other (video)
  double view = 0;                 // resizing; of a backbone without network all of it
  double thumb = 0;
  double thumb_bytes = 0, encoded_bytes = 0;
  ImageSize size;
};
FrameSample measure_frame(const ImageU8& frame, const Recipe& recipe, const Backbone& backbone,
                          ImageSize depth);

// What is left to do for one scene.
struct Workload {
  std::int64_t frames = 0, rows = 0;  // to compute, to write
  std::vector<std::size_t> taps;      // of the backbone
  double existing_bytes = 0;          // of the file that taps are added to
  bool thumbs = true;
};

Forecast forecast_features(const Workload& work, const FrameSample& sample, const Recipe& recipe,
                           const Backbone& backbone, const Machine& machine);

// Bytes of a feature file: tokens, tables and thumbnails exactly, HDF5's own by rule of thumb.
double file_bytes(const Workload& work, const Recipe& recipe, const Backbone& backbone,
                  double thumb_bytes);

}  // namespace vega::extract
