// Checks of an open scene: poses and times that no camera has.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "run/findings.h"
#include "scene/source.h"

namespace vega {

// Rotations, last rows, distances, jumps and repetitions of the poses (camera to world, 4x4).
void check_poses(const SceneSource& source, Findings& findings);

// Frames that are not later than the one before, and frames without a time beside frames with one;
// of a video also a frame rate that varies, and no times at all.
void check_times(const SceneSource& source, Findings& findings);

// Why a pose cannot be used: "not a number", "infinite (lost tracking)", "singular (lost
// tracking)": no rotation at all, such as 16 zeros; empty: it can.
std::string unusable(const Pose& world_from_cam);

// Poses that are left out, by what `unusable` says of them, for the findings.
class LostPoses {
 public:
  // Whether the pose of frame `id` is lost; if so, it is counted.
  bool count_if_lost(std::int64_t id, const Pose& world_from_cam);
  std::int64_t count() const;
  // A warning for each kind; `total`: frames of the scene.
  void report(const std::string& where, std::size_t total, Findings& findings) const;

 private:
  std::vector<std::pair<std::string, std::vector<std::int64_t>>> kinds_;
};

// Depth values to a metre that are not 1000, as the header of a .sens or an _info.txt says.
// applied: the values are made millimetres.
void check_depth_shift(const std::string& where, double shift, bool applied, Findings& findings);

// Warns of extrinsics (4x4) that are not the identity: they are not applied, as in the release.
void check_extrinsic(const std::string& where, const std::string& camera, const Pose& matrix,
                     Findings& findings);

}  // namespace vega
