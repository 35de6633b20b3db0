// From rays to pictures. Private to lib/synth.
#pragma once

#include "synth/room_model.h"

namespace vega::room {

// The ray through (u, v) in the world; its direction has length 1 along the optical axis, so t is
// the depth.
inline Ray pixel_ray(const Pose& p, const RoomIntrinsics& k, double u, double v) {
  const double x = (u - k.cx) / k.fx, y = (v - k.cy) / k.fy;
  return {{p[3], p[7], p[11]},
          {p[0] * x + p[1] * y + p[2], p[4] * x + p[5] * y + p[6], p[8] * x + p[9] * y + p[10]}};
}

RoomView render_view(const Model& model, const LightMaps& light, const Pose& pose,
                     const RoomIntrinsics& camera, int threads);

}  // namespace vega::room
