// How a picture or a depth map is enlarged and cropped so that it covers a given size.
#pragma once

#include "base/image_types.h"

namespace vega {

//   scale = max(out_h/h, out_w/w); resized = round-half-even(h * scale), at least 1;
//   left, top = floor((resized - out) / 2): where the crop of size `out` starts
// Throws InputError (an empty size).  Source: VEGA-3D, wan_t2v_encoder.py.
struct CoverPlan {
  ImageSize resized;
  int left = 0, top = 0;
};
CoverPlan plan_cover(ImageSize in, ImageSize out);

}  // namespace vega
