// Features of objects: the mean of the tokens that an object covers, over all frames.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/choice.h"
#include "geometry/points.h"
#include "store/scene_file.h"
#include "store/tokens_file.h"

namespace vega {

enum class ObjectMode {
  kNone,
  kPatch14,  // 27x27 projected tokens before pooling and fusion; 98 of a patch's 196 pixels
  kPatch27   // 14x14 fused tokens; 182 of 729 pixels
};
inline constexpr Choice<ObjectMode> kObjectModes[] = {
    {ObjectMode::kPatch14, "patch14", "mean of the un-fused 27x27 tokens that an object covers"},
    {ObjectMode::kPatch27, "patch27", "mean of the fused 14x14 tokens that it covers"},
    {ObjectMode::kNone, "none"}};
std::string name_of(ObjectMode mode);  // of the table

// How the coordinates of a scene file were made.
struct SceneGeometry {
  CoordinateView view = CoordinateView::kResize;
  GeometryType type = GeometryType::kBf16;
  ZeroDepth zero = ZeroDepth::kKeep;

  bool operator==(const SceneGeometry&) const = default;
};
// By its recorded options. Throws FormatError: they do not say, or say what is unknown.
SceneGeometry scene_geometry(const SceneReader& scene);

// The points of one frame's depth map, of the pixels that the networks see. frames: the scene's.
PointMap points_of(const SceneReader& scene, const SceneFrames& frames, std::size_t frame,
                   CoordinateView view);

// Which cells belong to the objects of one kind of a scene. Safe from several threads.
class ObjectCells {
 public:
  // geometry: how pixels are tested. Where the scene file's counts were made so, they are taken
  // (kPatch14); else its depth maps are tested again. Throws InputError, FormatError.
  ObjectCells(const SceneReader& scene, ObjectKind kind, ObjectMode mode,
              const SceneGeometry& geometry);

  const SceneObjects& objects() const { return objects_; }
  ObjectMode mode() const { return mode_; }

  // (N, cells) float32 of 0 and 1: 729 cells of kPatch14, 196 of kPatch27.
  at::Tensor of_frame(std::size_t frame) const;

  // The same from points that the caller has of the frame anyway, in this geometry's view.
  at::Tensor of_points(const PointMap& map) const;
  bool tests_points() const { return !frames_.id.empty(); }  // false: counts of the file are taken

 private:
  const SceneReader& scene_;
  ObjectMode mode_;
  SceneObjects objects_;
  SceneGeometry geometry_;
  SceneFrames frames_;                             // where depth maps are tested
  std::vector<std::vector<std::uint8_t>> counts_;  // of each object, where they are taken
};

// The objects of one kind of a scene. Frames in any order and from any thread; the result is the
// same bits all the same: sums are kept a frame, and added in the frames' order.
// Source: VEGA-3D, llava_arch.py, object_feature_type.
class ObjectMeans {
 public:
  // With the scene file's own geometry. Throws InputError, FormatError.
  ObjectMeans(const SceneReader& scene, ObjectKind kind, ObjectMode mode, std::int64_t width);

  ObjectMode mode() const { return cells_.mode(); }

  // tokens (cells, H) of one frame: 729 of kPatch14, 196 of kPatch27; any floating type, device.
  void add(std::size_t frame, const at::Tensor& tokens);

  // Frees what was kept for frames [0, end): call in between for long scenes.
  void settle(std::size_t end);

  // round_bf16: the mean as bfloat16, as the release has it. Objects that no cell belongs to: 0.
  ObjectFeatures finish(bool round_bf16);

 private:
  ObjectCells cells_;
  std::int64_t width_;
  struct Frame {
    std::vector<float> sum;           // (N, H)
    std::vector<std::int64_t> count;  // (N)
  };
  std::vector<Frame> frames_;
  std::size_t settled_ = 0;
  std::vector<double> sum_;
  std::vector<std::int64_t> count_;
};

}  // namespace vega
