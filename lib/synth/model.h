// Made-up checkpoints in the real key layouts: for demo, tests and trials without anybody's
// weights.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "base/progress.h"

namespace vega::synth {

struct ModelOptions {
  std::filesystem::path folder;
  std::string preset = "wan-tiny";  // see model_presets()
  std::string layout =
      "original";  // original | diffusers (SigLIP: llava-video) | both (sub-folders)
  std::uint64_t seed = 42;
  DType dtype = DType::kF32;  // f32 | f16 | bf16
  bool overwrite = false;
  ProgressMode progress = ProgressMode::kAuto;
};

struct ModelPreset {
  std::string name, what;
};

// wan-tiny, wan-1.3b, umt5-tiny, umt5-xxl, siglip-tiny, siglip-so400m, vega-tiny, vega-7b, with a
// line on each.
const std::vector<ModelPreset>& model_presets();

// Writes the checkpoint, for Wan with prompt.pt (a bf16 tensor as VEGA ships it) and prompt.h5.
// Returns the folders made. Throws UsageError (unknown preset or layout), RefusedError (a model is
// there and not `overwrite`), OutputError.
std::vector<std::filesystem::path> write_model(const ModelOptions& options);

}  // namespace vega::synth
