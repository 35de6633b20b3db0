// How well boxes agree that are turned against each other.
#pragma once

#include "geometry/oriented_box.h"

namespace vega::metrics {

// Whether a face of the box is smaller than 2 cm2 (two triangles of 1e-4 m2): the released scorer
// refuses such a box, so that nothing agrees with it. Source: PyTorch3D, ops/iou_box3d.py.
bool has_small_face(const OrientedBox& box);

// The volume that two boxes share, m3, exact but for rounding; negative extents count as positive
// ones. 0 where a number is not finite.
double shared_volume(const OrientedBox& a, const OrientedBox& b);

// Intersection over union, exact but for rounding, as the release computes it in float32
// (PyTorch3D, box3d_overlap); 0 where has_small_face holds for one of them. Source: VEGA-3D, branch
// spatial-reasoning, lmms_eval/tasks/threedod/utils.py.
double oriented_iou(const OrientedBox& a, const OrientedBox& b);

}  // namespace vega::metrics
