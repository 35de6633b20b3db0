// Made-up checkpoints in the real key layouts: for demo, tests and trials without anybody's
// weights.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/choice.h"
#include "base/dtype.h"
#include "base/progress.h"

namespace vega::synth {

struct ModelOptions {
  std::filesystem::path folder;
  std::string preset = "wan-tiny";  // see model_presets()
  std::string layout =
      "original";  // original | diffusers (SigLIP: llava-video) | both (sub-folders)
  std::uint64_t seed = 42;
  DType dtype = DType::kF32;        // f32 | f16 | bf16
  std::filesystem::path tokenizer;  // of the vlm presets: a folder; empty: bytes
  bool overwrite = false;
  ProgressMode progress = ProgressMode::kAuto;
};

// The names of the presets, with a line on each.
std::span<const Choice<std::string_view>> model_presets();

// Writes the checkpoint, for Wan with prompt.pt (a bf16 tensor as VEGA ships it) and prompt.h5.
// Returns the folders made. Throws UsageError (unknown preset or layout), RefusedError (a model is
// there and not `overwrite`), OutputError.
std::vector<std::filesystem::path> write_model(const ModelOptions& options);

}  // namespace vega::synth
