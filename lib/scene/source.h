// A scene to read frames from: ScanNet posed images, 7-Scenes, plain pictures, a `.sens` stream,
// a video, told apart by content.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "geometry/pose.h"
#include "media/video/video.h"
#include "scene/frame_store.h"

namespace vega {

// Which JPEG bytes of a `.sens` count: as recorded, or decoded and encoded again as the release's
// exporter does (its published numbers rest on that second generation).
enum class JpegMode { kOriginal, kReencoded };

// How a scene is opened.
struct SourceOptions {
  JpegMode jpeg = JpegMode::kOriginal;                   // of a `.sens`
  bool depth_shift = false;                              // of a `.sens`: honour its header's
  bool exif = true;                                      // see follows_exif (scene/frame.h)
  int stream = -1;                                       // of a video; -1: the first
  OnDecodeError on_decode_error = OnDecodeError::kFail;  // of a video
};

// One frame on disk. Poses as in the source.
struct FrameRef {
  std::int64_t id = 0;                 // the source's own number, 0-based
  std::filesystem::path color, depth;  // of a folder; depth is empty where there is none
  std::optional<Pose> world_from_cam;
  double time_s = 0;      // NaN: unknown
  std::size_t place = 0;  // in the container
};

struct SceneSource {
  std::string dialect;  // "scannet", "7scenes", "images", "sens", "video"
  std::filesystem::path root;
  std::shared_ptr<const FrameStore> container;  // null: the frames are files
  std::vector<FrameRef> frames;                 // ascending by id, never empty
  std::optional<Intrinsics> K_color, K_depth;
  std::int64_t dropped_nonfinite_poses = 0;
  bool exif = true;           // as asked
  double depth_shift = 1000;  // of a `.sens`: depth values to a metre, as its header says
};

// Opens a scene. A file: a `.sens` (scene/sens_source.h) or a
// video (scene/video_source.h). A folder with NAME.sens for its own name
// (ScanNet's scans/NAME): that file. Else a folder of frames:
//   scannet   NNNNN.jpg colour, NNNNN.txt pose (16 numbers), NNNNN.png 16-bit depth (optional),
//             intrinsic.txt and depth_intrinsic.txt (4x4 or 3x3); id = number in the name
//   7scenes   frame-NNNNNN.color.jpg|png, .pose.txt, .depth.png (optional), camera-intrinsics.txt
//             (3x3, for both cameras); id = number in the name
//   images    *.jpg|jpeg|png; id = last number in the name when every file has one and no two are
//             equal, else the place in natural order
// Frames whose pose is not finite are dropped and counted. Missing intrinsics: unknown, with a
// warning. Throws InputError: not a folder, no frames, a frame without pose, two frames with one
// id, no finite pose; FormatError: a pose or intrinsics file of another form.
// Source: scene_understanding 1.2, 1.3.
SceneSource open_source(const std::filesystem::path& path, const SourceOptions& options = {});

}  // namespace vega
