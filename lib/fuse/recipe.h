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

struct Recipe {
  std::string tap, semantic_tap;  // empty: the file's default tap
  std::string semantic, scenes;   // folders; empty: none

  std::string checkpoint, method, form;  // empty: none; the checkpoint's
  bool initial_values = false, allow_mismatch = false;
  std::int64_t width = 3584, seed = 42;
  std::string projector, pool_mode;
  AlignMode align = AlignMode::kReference;
  ObjectMode objects = ObjectMode::kPatch14;

  std::filesystem::path out;
  std::string tag;  // empty: see folder_of
  bool overwrite = false, thumbs = true;
  std::vector<TokenPart> parts;  // ascending
  DType store = DType::kBF16;

  Placement placement;  // its device is open
  int threads = 1;
  std::int64_t batch = 1;  // frames a step on CUDA

  bool pixel() const { return align == AlignMode::kPixel; }
};

// Opens the device. Throws UsageError (options that contradict each other), DeviceError.
Recipe resolve(const TokensOptions& options);

}  // namespace vega::fuse
