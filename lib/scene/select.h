// Which frames of a scene are used (--candidates, --select).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "scene/source.h"

namespace vega {

// --candidates all|every:K; "every:K" keeps the frames whose id is a multiple of K, as the release
// does at extraction (VEGA-3D, generate_image_scannet).
struct Candidates {
  std::int64_t every = 1;
};
Candidates parse_candidates(std::string_view text);  // throws UsageError

// Where none are asked for: every:10 of a `.sens`, as released, else all.
Candidates usual_candidates(const SceneSource& source);

enum class SelectKind {
  kUniform,  // uniform:N   N frames, evenly spread, first and last included
  kStride,   // stride:K    every K-th from the first
  kList,     // list:FILE   one frame id a line, in that order
  kFps,      // fps:R       R frames a second; needs time stamps
  kFrames    // frames:DIR  the ids of DIR/KEY.h5: the caller reads them and calls select_ids
};
struct Selection {
  SelectKind kind = SelectKind::kUniform;
  std::int64_t count = 32;     // N or K
  double fps = 0;              // R
  std::filesystem::path path;  // FILE or DIR
  std::string text = "uniform:32";
};
Selection parse_selection(std::string_view text);  // throws UsageError

// Indices into source.frames, in the order of use (they repeat when a uniform selection asks for
// more frames than there are). Throws InputError: no candidate left, an id of the list that the
// scene lacks, fps without time stamps, kFrames (call select_ids).
std::vector<std::size_t> select_frames(const SceneSource& source, const Candidates& candidates,
                                       const Selection& selection);

// Indices of given frame ids, in their order. Throws InputError naming the first unknown id.
// where: who gave the ids, for the message.
std::vector<std::size_t> select_ids(const SceneSource& source, std::span<const std::int64_t> ids,
                                    std::string_view where = "frame ids");

// numpy.linspace(0, total - 1, n, dtype=int): step = (total-1)/(n-1) rounded once to double,
// floor(i * step), the last forced to total - 1; n = 1 gives 0 (VEGA-3D, video_utils.py).
// Both at least 1, else InputError.
std::vector<std::size_t> uniform_indices(std::int64_t total, std::int64_t n);

}  // namespace vega
