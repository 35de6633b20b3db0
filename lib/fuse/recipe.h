// What a run of `vega-fuse tokens` does, with every default resolved. Below resolve() nothing reads
// the options.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "fuse/options.h"
#include "nn/parameters.h"

namespace vega::fuse {

struct Recipe : FusionSettings {
  std::filesystem::path out;
  std::string tag;  // empty: see folder_of
  bool overwrite = false, thumbs = true;
  Placement placement;  // its device is open
  int threads = 1;
  std::int64_t batch = 1;  // frames a step on CUDA
};

// Opens the device. Throws UsageError (options that contradict each other), DeviceError.
Recipe resolve(const TokensOptions& options);

}  // namespace vega::fuse
