// Which marks the questions of SPAR-7M have on their pictures.
// Source: VEGA-3D (branch spatial-reasoning), qwen_vl/data/draw_marker.py.
#pragma once

#include <cstddef>
#include <vector>

#include "base/json.h"
#include "tasks/picture_sample.h"

namespace vega::tasks {

// info: spar_info of a record about so many pictures, a JSON text of {type, red_point, red_bbox,
// point_img_idx, ...}. Throws FormatError that begins with the member: an unknown type; a place or
// an index that is missing or no such picture; a type of one picture about several, or the other
// way.
std::vector<PictureMark> spar_marks(const Json& info, std::size_t pictures);

}  // namespace vega::tasks
