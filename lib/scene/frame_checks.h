// Checks of the pictures and depth maps of a scene: what a run saw becomes findings. A run reads
// the frames that it uses and stops at an error; a dry run collects all faults and looks at the
// other frames, too. Both use the same checks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "media/image.h"
#include "run/findings.h"
#include "scene/source.h"

namespace vega {

// Facts about one depth map.
struct DepthSeen {
  ImageSize size;                      // {0, 0}: nothing was seen
  std::int64_t valid = 0, pixels = 0;  // not 0; all that were decoded
  double median_mm = 0;                // of the valid ones; 0: there is none
};
DepthSeen measure_depth(const ImageU16& depth);

struct FrameSeen {
  bool used = false;                     // selected
  std::string color_fault, depth_fault;  // why it cannot be read; empty: it can
  ImageSize color;                       // upright where follows_exif; {0, 0}: not seen
  DepthSeen depth;
  bool turned = false;            // EXIF data say that the picture is not upright
  bool cut = false;               // a file that is not used, without its end marker
  double seconds = 0, bytes = 0;  // of a used picture: to decode on one thread; encoded
};

// One for each of the source's frames, before anything was read.
std::vector<FrameSeen> unseen_frames(const SceneSource& source, std::span<const std::size_t> used);

// Decodes the pictures `used` (distinct indices into source.frames) and fills `seen`. A picture
// that can be decoded goes to keep(n, picture), n counting in `used`: several at a time, from any
// thread; of a video in its own order. bytes(n): the encoded picture, where the caller has it. A
// picture that cannot be read or decoded is a fault in `seen`, not an exception. Throws Stopped.
void decode_pictures(const SceneSource& source, std::span<const std::size_t> used, int threads,
                     std::vector<FrameSeen>& seen,
                     const std::function<void(std::size_t n, ImageU8&& picture)>& keep = {},
                     const std::function<std::vector<std::byte>(std::size_t n)>& bytes = {});

// Reads the depth maps of the frames that have one.
void measure_depths(const SceneSource& source, std::span<const std::size_t> used, int threads,
                    std::vector<FrameSeen>& seen);

// Of files that are not used: size, end marker and EXIF of the picture, size and type of the depth
// map. Reads the ends of each file only. Frames of a container stay unseen.
void glance_at_others(const SceneSource& source, int threads, std::vector<FrameSeen>& seen);

struct FrameRule {
  bool skip_broken = false;  // frames that cannot be used are left out: not an error
  bool need_depth = false;   // a used frame needs a depth map, of the size that most have
};

// Adds what is wrong with the frames: pictures and depth maps that cannot be read, other sizes than
// most, missing depth maps, depths that cannot be millimetres of a room, EXIF data that say to
// turn, intrinsics that do not fit the pictures. Returns the used frames that cannot be used, as
// ascending indices into source.frames. Where findings throw: InputError at the first error.
std::vector<std::size_t> check_frames(const SceneSource& source, std::span<const FrameSeen> seen,
                                      FrameRule rule, Findings& findings);

// Over all frames the usual sizes ({0, 0}: none was seen), over the used ones the rest.
struct FramesSummary {
  ImageSize color, depth;
  std::int64_t decoded = 0;
  double decode_seconds = 0;    // a picture on one thread; NaN: none was decoded
  double encoded_bytes = 0;     // a picture
  std::optional<double> valid;  // share of depth pixels that are not 0
};
FramesSummary summarize_frames(std::span<const FrameSeen> seen);

// The most frequent of the sizes that are known; {0, 0}: there is none.
ImageSize usual_size(std::span<const ImageSize> sizes);

}  // namespace vega
