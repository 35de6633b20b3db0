// A scene to read frames from: ScanNet posed images, 7-Scenes, SensReader's folders, plain
// pictures, a `.sens` stream, a video, told apart by content.
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
#include "run/findings.h"
#include "scene/frame_store.h"

namespace vega {

// Which JPEG bytes of a `.sens` count: as recorded, or decoded and encoded again as the release's
// exporter does (its published numbers rest on that second generation).
enum class JpegMode { kOriginal, kReencoded };

// How a scene is opened.
struct SourceOptions {
  JpegMode jpeg = JpegMode::kOriginal;  // of a `.sens`
  bool depth_shift = false;             // honour that of a `.sens` header or an _info.txt
  bool exif = true;                     // see follows_exif (scene/frame.h)
  std::int64_t stream = -1;             // of a video; -1: the first
  OnDecodeError on_decode_error = OnDecodeError::kFail;  // of a video
};

// One frame. Poses as in the source: camera to world, row-major 4x4, metres.
struct FrameRef {
  std::int64_t id = 0;                 // the source's own number, 0 to 2^32 - 1
  std::filesystem::path color, depth;  // of a folder; depth is empty where there is none
  std::optional<Pose> world_from_cam;
  double time_s = 0;      // NaN: unknown
  std::size_t place = 0;  // in the container
};

struct SceneSource {
  std::string dialect;  // "scannet", "7scenes", "sensreader", "images", "sens", "video"
  std::filesystem::path root;
  std::shared_ptr<const FrameStore> container;  // null: the frames are files
  std::vector<FrameRef> frames;                 // ascending by id
  std::optional<Intrinsics> K_color, K_depth;
  std::int64_t found = 0;                    // colour pictures, frames of the stream or the video
  std::int64_t dropped_nonfinite_poses = 0;  // singular ones too
  std::string scan;  // of a folder or .sens: NAME of the scan's files (NAME_vh_clean_2.ply, ...)
  bool exif = true;  // as asked
  double depth_shift = 1000;  // depth values to a metre, as a `.sens` header or an _info.txt says
  bool shifted = false;       // load_depth makes them millimetres, as asked
};

// Opens a scene: reads names, poses, intrinsics and headers, no picture. A file: a `.sens`
// (scene/sens_source.h) or a video (scene/video_source.h). Else a folder of frames:
//   scannet     NNNNN.jpg colour, NNNNN.txt pose (16 numbers), NNNNN.png 16-bit depth (optional);
//               or NNNNN.png colour (8 bits) without depth; intrinsic.txt and depth_intrinsic.txt
//               (4x4 or 3x3)
//   7scenes     frame-NNNNNN.color.jpg|png, .pose.txt, .depth.png|pgm (optional),
//               camera-intrinsics.txt (3x3, for both cameras)
//   sensreader  color/N.jpg|png, depth/N.png|pgm, pose/N.txt, intrinsic/intrinsic_color.txt and
//               intrinsic_depth.txt, or intrinsics_color.txt and intrinsics_depth.txt; or the
//               files of 7scenes with _info.txt
//   sens        a stream: NAME.sens for the name of the scan, or the only one
//   images      *.jpg|jpeg|png, without poses; ids and times by scene/picture_names.h
// The id of a frame of a posed dialect is the number in its name; numbers over 2^32 - 1 (time
// stamps) are treated as those of plain pictures.
//
// Frames whose pose is not finite or singular are left out and counted. What is wrong goes to
// `findings` (poses, intrinsics, times, names, files that nobody reads), the size of pictures
// apart: check_frames (scene/frame_checks.h) compares that. Where findings throw: InputError at the
// first error, and `frames` is never empty. Where they collect: `frames` holds those that can be
// used; a video's store leaves out what it cannot decode.
// Source: ScanNet SensReader; VEGA-3D, video_utils.py.
SceneSource open_source(const std::filesystem::path& path, const SourceOptions& options,
                        Findings& findings);

// The same, with warnings and notes logged. Throws InputError.
SceneSource open_source(const std::filesystem::path& path, const SourceOptions& options = {});

}  // namespace vega
