// Numbers of an open scene that cannot be those of a camera.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "media/image.h"
#include "run/findings.h"
#include "scene/source.h"

namespace vega {

// Rotations, last rows, distances, jumps and repetitions of the poses (camera to world, 4x4).
void check_poses(const SceneSource& source, Findings& findings);

// Frames that are not later than the one before; of a video also frames without a time and a frame
// rate that varies.
void check_times(const SceneSource& source, Findings& findings);

// Intrinsics that are missing, or that do not fit pictures of these sizes; {0, 0}: unknown.
void check_cameras(const SceneSource& source, ImageSize color, ImageSize depth, Findings& findings);

// The most frequent of the sizes that are known; {0, 0}: there is none.
ImageSize usual_size(const std::vector<ImageSize>& sizes);

// Colour pictures of another size than most. sizes: of each of the source's frames; {0, 0}: unseen.
void check_sizes(const SceneSource& source, const std::vector<ImageSize>& sizes,
                 Findings& findings);

// Facts about one frame's depth map, as the checks read them.
struct DepthSeen {
  ImageSize size;                      // {0, 0}: nothing was seen
  std::int64_t valid = 0, pixels = 0;  // not 0; all that were decoded
  double median_mm = 0;                // of the valid ones; 0: there is none
};
DepthSeen measure_depth(const ImageU16& depth);

// Maps without a valid pixel, and lengths that cannot be millimetres of a room. `seen`: of each of
// the source's frames.
void check_depths(const SceneSource& source, const std::vector<DepthSeen>& seen,
                  Findings& findings);

// Why a pose cannot be used: "not a number", "infinite (lost tracking)", "singular (lost
// tracking)": no rotation at all, such as 16 zeros; empty: it can.
std::string unusable(const Pose& world_from_cam);

// Poses that are left out, by what `unusable` says of them, for the findings.
class LostPoses {
 public:
  // Whether the pose of frame `id` is lost; if so, it is counted.
  bool take(std::int64_t id, const Pose& world_from_cam);
  std::int64_t count() const;
  // A warning for each kind; `total`: frames of the scene.
  void tell(const std::string& where, std::size_t total, Findings& findings) const;

 private:
  std::vector<std::pair<std::string, std::vector<std::int64_t>>> kinds_;
};

// Extrinsics (4x4) of a camera that are not the identity: nobody reads them, as in the release.
void check_extrinsic(const std::string& where, const std::string& camera, const Pose& matrix,
                     Findings& findings);

}  // namespace vega
