// scenes/KEY.h5, schema vega.scene/1: frames with depth and aligned poses, patch coordinates,
// objects. Layout: docs/formats.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "geometry/pose.h"
#include "store/attrs.h"
#include "store/columns.h"

namespace vega {

inline constexpr const char* kSceneSchema = "vega.scene/1";
inline constexpr std::int64_t kTokenGrid = 14, kCellGrid = 27;
inline constexpr std::size_t kTokenCells = kTokenGrid * kTokenGrid;

// V frames. Vectors have V entries each.
struct SceneFrames {
  std::vector<std::int64_t> id;                         // the source's own 0-based numbers
  std::vector<double> time_s;                           // s, NaN unknown
  std::vector<Pose> world_from_cam;                     // axis-aligned
  std::vector<Intrinsics> K_color, K_depth;             // NaN unknown
  std::vector<std::array<std::int32_t, 2>> size_color;  // height, width
  std::int32_t depth_height = 0, depth_width = 0;       // of all frames
  std::vector<std::uint16_t> depth;                     // (V, Hd, Wd) mm, 0 = invalid
  std::vector<std::vector<std::byte>> color_jpeg;       // encoded pictures; empty: none

  template <typename Table, typename Visit>
  static void columns(Table& t, Visit visit) {
    visit("id", DType::kI64, Shape{}, t.id);
    visit("time_s", DType::kF64, Shape{}, t.time_s);
    visit("world_from_cam", DType::kF64, Shape{4, 4}, t.world_from_cam);
    visit("K_color", DType::kF64, Shape{3, 3}, t.K_color);
    visit("K_depth", DType::kF64, Shape{3, 3}, t.K_depth);
    visit("size_color", DType::kI32, Shape{2}, t.size_color);
  }
};

// The 14x14 patches of the semantic stream.
struct ScenePatches {
  std::string view;            // mllm, center_crop
  std::vector<float> world14;  // (V, 14, 14, 3) m; NaN where no pixel counts
  std::vector<float> valid14;  // (V, 14, 14) share of pixels with depth
};

// N objects. Vectors have N entries each.
struct SceneObjects {
  std::vector<std::int32_t> id;     // opaque: objectId, row of the mask, place in the box list
  std::vector<std::string> label;   // UTF-8; may be empty
  std::vector<std::int32_t> nyu40;  // 0 unknown
  std::vector<float> score;         // NaN unknown
  std::vector<Box> box;             // cx cy cz dx dy dz, m, axis-aligned
  std::vector<std::uint8_t> cells;  // (N, V, 27, 27) pixels of the 14-pixel patch in the box
  std::string source;               // annotation, masks, boxes

  template <typename Table, typename Visit>
  static void columns(Table& t, Visit visit) {
    visit("id", DType::kI32, Shape{}, t.id);
    visit("nyu40", DType::kI32, Shape{}, t.nyu40);
    visit("score", DType::kF32, Shape{}, t.score);
    visit("box", DType::kF32, Shape{6}, t.box);
  }
};

struct SceneFile {
  FileHeader header;
  SceneFrames frames;
  Pose axis_align{};  // aligned from the source's world; applied to world_from_cam already
  ScenePatches patches;
  bool has_gt = false, has_proposals = false;
  SceneObjects gt, proposals;
};

enum class ObjectKind { kGt, kProposal };
std::string object_group(ObjectKind kind);  // "/objects/gt", "/objects/proposal"

// Writes one file, frame by frame and object by object, through a PartStore. Its memory does not
// grow with the number of frames, except for their tables (about 0.5 kB a frame). For one thread.
// Errors: InputError (sizes that disagree, frames or cells missing at the end), OutputError (disk).
class SceneWriter {
 public:
  // Everything but what is put: `scene` comes without depth, pictures, patches and cells.
  // picture_bytes: size of each encoded picture; empty: the file gets none.
  SceneWriter(const std::filesystem::path& path, const SceneFile& scene,
              std::span<const std::size_t> picture_bytes);
  ~SceneWriter();
  SceneWriter(const SceneWriter&) = delete;
  SceneWriter& operator=(const SceneWriter&) = delete;

  struct Frame {
    std::span<const std::uint16_t> depth;  // (Hd, Wd)
    std::span<const std::byte> picture;    // of the size announced; ignored where there are none
    std::span<const float> world14;        // (14, 14, 3)
    std::span<const float> valid14;        // (14, 14)
  };
  void put_frame(const Frame& frame);  // the next one

  // Depth of a frame that was put; from any thread.
  std::vector<std::uint16_t> depth(std::size_t frame) const;

  // Cells of the next object of its kind, (V, 27, 27).
  void put_cells(ObjectKind kind, std::span<const std::uint8_t> cells);

  void finish(const std::map<std::string, std::string>& provenance = {});

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Reads one complete file; safe from several threads. Throws FormatError: not HDF5, other schema,
// incomplete, shapes that disagree, a chunk whose checksum fails.
class SceneReader {
 public:
  explicit SceneReader(const std::filesystem::path& path);
  ~SceneReader();
  SceneReader(SceneReader&&) noexcept;

  const std::filesystem::path& path() const;
  const FileHeader& header() const;
  std::size_t frame_count() const;
  SceneFrames frames() const;  // without depth values and pictures
  Pose axis_align() const;
  ScenePatches patches() const;
  bool has_color() const;
  bool has_objects(ObjectKind kind) const;
  SceneObjects objects(ObjectKind kind) const;  // without cells; InputError where there are none
  // Cells of object n, (V, 27, 27).
  std::vector<std::uint8_t> cells(ObjectKind kind, std::size_t n) const;
  std::vector<std::uint16_t> depth(std::size_t frame) const;  // (Hd, Wd) mm
  // All pictures, or that of one frame; InputError where the file has none.
  std::vector<std::vector<std::byte>> color_jpeg() const;
  std::vector<std::byte> color_jpeg(std::size_t frame) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Frame ids of any vega file with /frames (features, scenes), in its order. Throws FormatError.
std::vector<std::int64_t> read_frame_ids(const std::filesystem::path& path);

}  // namespace vega
