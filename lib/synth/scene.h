// `vega-synth scene`: a synthetic room as a posed folder in the ScanNet dialect.
//   NNNNN.jpg  colour             NNNNN.png  16-bit depth in mm, same size, 0 = none
//   NNNNN.txt  world_from_cam 4x4, 17 significant digits: poses round-trip bit for bit
//   intrinsic.txt, depth_intrinsic.txt  4x4 (equal: colour and depth are registered)
//   NAME.sens  on request: the same JPEG bytes, depths and poses as one ScanNet sensor stream, its
//              frames numbered without gaps
//   the rest of a ScanNet scan, synth/scan.h, and NAME.sens (the program's default): with the
//   identity as alignment, or, on request (--scan), in a turned frame that all poses are in too
//   objects.json  ids, labels and exact boxes of the objects, and the recipe of the room; of a
//              study room also colours, shapes and how many pixels of each picture an object has
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "base/options.h"
#include "synth/scan.h"

namespace vega {

// What the options of a scene may be.
inline constexpr WholeRange kSceneFrames{1, 99999};  // five digits name a frame; also for `every`
inline constexpr WholeRange kSceneSide{16, 8192};    // width and height, pixels
inline constexpr WholeRange kSceneQuality{1, 100};
inline constexpr WholeRange kSceneThreads{0, 1024};

struct SceneOptions {
  RoomKind kind = RoomKind::kFurnished;
  std::filesystem::path folder;  // made whole: written aside, then renamed
  std::uint64_t seed = 42;       // layout, textures, colours, lights, walk
  int frames = 320;              // length of the walk, a closed loop
  int every = 1;                 // write every n-th frame of the walk; numbers keep their place
  int width = 640, height = 480;
  int quality = 92;  // JPEG, 4:4:4 (thin coloured lines survive)
  int threads = 0;   // 0: all; the bytes do not depend on them
  // NAME.sens beside the pictures too, NAME the folder's name. Poses of both are then float32
  // values.
  bool sens = false;
  // A complete ScanNet scan: NAME.sens, and mesh, annotation, alignment, label table and masks of
  // synth/scan.h. Boxes in objects.json are in the room's frame, to which the alignment of NAME.txt
  // leads. The folder may not be called like a file of the frames ("00000", "intrinsic":
  // InputError).
  //   kOwn   all poses are in the scan's frame, float32 values as in the stream
  //   kRoom  pictures, depth and poses are those of a scene without scan, bit for bit; the stream
  //          has the poses rounded to float32
  bool scan = false;
  ScanFrame scan_frame = ScanFrame::kOwn;
  MaskNoise masks = MaskNoise::kNoisy;  // of a scan
  bool overwrite = false;               // replace an existing folder
};

// Called after each written frame, from any worker thread, one call at a time. May throw to stop:
// the exception comes out of write_scene and nothing is left behind.
using SceneProgress = std::function<void(int done, int total)>;

// Renders and writes the folder; returns the number of frames written, 0 when the folder is there
// already and was made with the same options (threads apart). Throws InputError (a value out of
// range), RefusedError (the folder holds something else: with `overwrite` a scene folder is
// replaced, any other still refused), OutputError (disk). Nothing is left behind on failure.
int write_scene(const SceneOptions& options, const SceneProgress& progress = {});

// True when the folder holds exactly this scene already. Throws InputError (a value out of range)
// and RefusedError, as write_scene does.
bool scene_complete(const SceneOptions& options);

// The same as the first with a room at hand, whose seed and kind must be those of the options
// (InputError).
int write_scene(const Room& room, const SceneOptions& options, const SceneProgress& progress = {});

}  // namespace vega
