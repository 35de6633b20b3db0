// Frames of a scan or a video, and pictures, as Qwen2.5-VL is shown them, and what `answer` makes
// of its options for that model.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "base/image_types.h"
#include "evaluate/answer_options.h"
#include "vlm/qwen_vl.h"

namespace vega::evaluate {

// Throws UsageError: an option that a model that sees frames has no use for. `instead`: what it is
// asked with. tokens: stored ones may be asked about (evaluate/branch.h). scans: --scans has a use.
void refuse_scene_options(const AnswerVerb& options, const std::string& instead,
                          bool tokens = false, bool scans = false);

// Throws UsageError (bounds that contradict each other).
vlm::QwenVlOptions qwen_vl_options(const AnswerVerb& options, const qwen2_5_vl::ImageRule& rule,
                                   at::Device device, DType type);

struct ShownFrames {
  std::string where;
  std::int64_t total = 0;           // frames of the scan or video
  std::vector<std::int64_t> ids;    // of those that are shown, ascending
  std::vector<UnitImage> pictures;  // one each
  vlm::BranchFrames branch;         // likewise, for a model with a generative branch
  std::string fingerprint;          // of ids and encoded bytes; of a video of its whole file
};

// All frames where there are no more than `most`, else so many, evenly spread (tasks::vsi_frames).
// Throws InputError, FormatError (not a scan or video; a frame that cannot be decoded).
ShownFrames read_shown_frames(const std::filesystem::path& path, std::int64_t most, int threads,
                              const vlm::QwenVlOptions& options);

// How the released evaluation encodes still pictures on their way to the model (Pillow's default).
inline constexpr int kShownJpegQuality = 75;

// Still pictures, upright, that are encoded as JPEG and decoded before anything else. squares: each
// is cut to the largest square in its middle where their sizes differ. Throws InputError,
// FormatError (a file that cannot be read or decoded).
ShownFrames read_shown_pictures(const std::vector<std::filesystem::path>& files, bool squares,
                                const vlm::QwenVlOptions& options);

// "32 frames of 504x392, 252 tokens each".
std::string sizes_text(const std::vector<UnitImage>& pictures, const char* one = "frame");

}  // namespace vega::evaluate
