// What is missing, not finite or inconsistent in a scene, told without stopping at the first fault.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/progress.h"
#include "media/image.h"
#include "run/findings.h"
#include "scene/source.h"

namespace vega {

struct SourceAudit {
  std::string dialect;                // as SceneSource's; "" where it cannot be told
  std::int64_t found = 0;             // colour pictures, frames of the stream or of the video
  std::optional<SceneSource> source;  // the frames that can be used; nothing: none
};

// Opens a scene as open_source does, and reads poses, intrinsics and headers, no picture. What
// open_source would throw becomes an error finding; where single frames are at fault, `source`
// holds the others, so that the audit can go on. A video's store leaves out what it cannot decode.
SourceAudit audit_source(const std::filesystem::path& path, const SourceOptions& options,
                         Findings& findings);

struct PictureAudit {
  ImageSize color, depth;         // of most frames; {0, 0}: none was seen
  std::int64_t decoded = 0;       // of the selected frames
  std::vector<std::size_t> lost;  // places in `selected`, ascending: cannot be decoded
  double decode_seconds = 0;      // a frame on one thread, reading included; NaN: none was decoded
  double encoded_bytes = 0;       // a selected frame
  std::optional<double> valid;    // share of depth pixels that are not 0, over the selected frames
};

struct PictureAuditOptions {
  int threads = 1;
  bool skip_broken = false;  // frames that cannot be decoded are left out: not an error
  std::string label;         // of the progress shown
  ProgressMode progress = ProgressMode::kOff;
  // Given a few decoded frames, spread over the selected ones, one at a time.
  std::function<void(const ImageU8&)> sample;
};

// Decodes the selected frames (indices into source.frames, distinct) and their depth maps; of the
// other frames of a folder reads size and end.
PictureAudit audit_pictures(const SceneSource& source, std::span<const std::size_t> selected,
                            const PictureAuditOptions& options, Findings& findings);

// Intrinsics against the sizes of the pictures.
void audit_cameras(const SceneSource& source, ImageSize color, ImageSize depth, Findings& findings);

}  // namespace vega
