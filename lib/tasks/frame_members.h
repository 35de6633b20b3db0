// Members of questions about posed frames, as the spatial-reasoning release of VEGA-3D writes them
// (scripts/preprocess/convert_scanrefer.py, process_scan2cap.py) and vega keeps them.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "geometry/oriented_box.h"

namespace vega::tasks {

// Scan2Cap: a proposal that overlaps the object less does not stand for it.
inline constexpr double kLeastIou = 0.5;

// Nine finite numbers below a million: gt_bbox, pred_bbox. Throws FormatError that begins with
// `where`.
OrientedBox oriented_box_of(const Json& value, const std::string& where);

// The cameras of a question's frames, in the order in which they are shown.
struct FrameCameras {
  Pose align{};              // axis_align_matrix: from the scan's own axes to those of the world
  std::vector<Pose> frames;  // cam2global: from the camera to the scan's own axes

  std::vector<Pose> world() const;  // world from camera
};

// place: stands before the member in messages ("FILE: [3]."; may be empty). Throws FormatError: no
// lists of 4x4 numbers, or a matrix that is no rotation and shift (is_rigid).
FrameCameras frame_cameras(const Json& record, const std::string& place);

// A matrix as a list of its rows.
Json rows_of(const Pose& pose);

}  // namespace vega::tasks
