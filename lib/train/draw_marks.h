// Marks on the pictures of SPAR-7M, pixel by pixel as Pillow 11 and OpenCV 4 draw them.
// Source: VEGA-3D (branch spatial-reasoning), qwen_vl/data/draw_marker.py; Pillow, Draw.c.
#pragma once

#include <cstddef>
#include <span>

#include "base/image_types.h"
#include "tasks/picture_sample.h"

namespace vega::train {

// Those of the picture at this place, on it as it is stored: discs of radius 20 pixels; frames of
// boxes, 20 pixels wide, that are 17.5 pixels larger on each side. OpenCV's frames have round
// corners and their middle line 20 pixels outside of the box; labels are 47 pixels high. What lies
// outside is cut off. Throws InputError: a label of letters that labels do not have.
void draw_marks(std::span<const tasks::PictureMark> marks, std::size_t picture, ImageU8& image);

}  // namespace vega::train
