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

// What a model of the study sees: a row of its table.
struct StudyRow {
  std::int64_t semantic = 144;    // channels of the semantic features: siglip-tiny's
  std::int64_t generative = 256;  // and of the generative ones: wan-tiny's
  // How both are fused: a name of study_fusions(). none: there are no generative features.
  std::string_view fusion = "token_gated";
  bool zero_visual = false;  // features count as 0: geometry only

  bool operator==(const StudyRow&) const = default;
};

struct ModelOptions {
  std::filesystem::path folder;
  std::string preset = "wan-tiny";  // see model_presets()
  std::string layout =
      "original";  // original | the family's other one, such as diffusers | both (sub-folders)
  std::uint64_t seed = 42;
  DType dtype = DType::kF32;        // f32 | f16 | bf16
  std::filesystem::path tokenizer;  // of language models: a folder; empty: bytes
  StudyRow row;                     // of vlm-study
  bool overwrite = false;
  ProgressMode progress = ProgressMode::kAuto;
};

// The names of the presets, with a line on each.
std::span<const Choice<std::string_view>> model_presets();

// How a model of the study fuses, with a line on each.
std::span<const Choice<std::string_view>> study_fusions();

// Writes the checkpoint, for Wan with prompt.pt (a bf16 tensor as VEGA ships it) and prompt.h5.
// Returns the folders made. Throws UsageError (unknown preset, layout or fusion; settings of
// another preset), RefusedError (a model is
// there and not `overwrite`), OutputError.
std::vector<std::filesystem::path> write_model(const ModelOptions& options);

}  // namespace vega::synth
