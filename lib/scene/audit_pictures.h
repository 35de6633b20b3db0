// A dry run's look at pictures and depth maps, which does not stop at the first fault.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/progress.h"
#include "media/image.h"
#include "run/findings.h"
#include "scene/source.h"

namespace vega {

struct PictureAudit {
  ImageSize color, depth;         // of most frames; {0, 0}: none was seen
  std::int64_t decoded = 0;       // of the selected frames
  std::vector<std::size_t> lost;  // places in `selected`, ascending: cannot be used
  double decode_seconds = 0;      // a frame on one thread, reading included; NaN: none was decoded
  double encoded_bytes = 0;       // a selected frame
  std::optional<double> valid;    // share of depth pixels that are not 0, over the selected frames
};

struct PictureAuditOptions {
  int threads = 1;
  bool skip_broken = false;  // frames that cannot be used are left out: not an error
  bool need_depth = false;   // a selected frame needs a depth map, of the size that most have
  std::string label;         // of the progress shown
  ProgressMode progress = ProgressMode::kOff;
  // Given a few decoded frames, spread over the selected ones, one at a time.
  std::function<void(const ImageU8&)> sample;
};

// Decodes the selected frames (indices into source.frames, distinct) and their depth maps; of the
// other frames of a folder reads size and end.
PictureAudit audit_pictures(const SceneSource& source, std::span<const std::size_t> selected,
                            const PictureAuditOptions& options, Findings& findings);

}  // namespace vega
