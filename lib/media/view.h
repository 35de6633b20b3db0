// How a frame is presented to a network (--view), and where its pixels come from.
// Coordinates: pixel (0, 0) is the centre of the top-left pixel; x and u run right, y and v down.
#pragma once

#include <string_view>
#include <vector>

#include "base/choice.h"
#include "base/image_types.h"
#include "geometry/affine.h"

namespace vega {

enum class View {
  kMllm,        // 8-bit Pillow bicubic squash to 384x384, then cover and centre crop
  kNative,      // cover and centre crop of the original frame
  kStretch,     // whole frame, bilinear, no crop: aspect not kept
  kCenterCrop,  // Pillow bicubic to height 384, centre 384 columns, then cover and centre crop
  kSpatial      // spatial_frame, then cover and centre crop
};

inline constexpr Choice<View> kViews[] = {
    {View::kMllm, "mllm",
     "384x384 squash, cover, centre crop: what the released model was trained on"},
    {View::kNative, "native", "cover and crop"},
    {View::kStretch, "stretch", "the whole frame"},
    {View::kCenterCrop, "center_crop", "the 384x384 crop of the baseline"},
    {View::kSpatial, "spatial",
     "518 pixels wide, cut to multiples of 28, cover, centre crop: of VEGA-3D's spatial model"}};

// The picture that VEGA-3D's spatial-reasoning release makes of a frame before anything else:
// resized to 518 pixels of width with Pillow's bicubic filter, the height to the nearest multiple
// of 14 (`resized`); of more than 518 rows the middle 518, from `top` on; then cut at the right and
// at the bottom to multiples of 28 (`cut`). Both throw InputError (an empty frame; one so wide that
// nothing is left). Source: VG-LLM, qwen_vl/data/utils.py.
struct SpatialPlan {
  ImageSize resized, cut;
  int top = 0;
};
SpatialPlan plan_spatial(ImageSize frame);
ImageU8 spatial_frame(const ImageU8& frame);

// A name of kViews; the inverse throws UsageError naming these.
std::string_view name_of(View view);
View view_from_name(std::string_view name);

// The frame as the network sees it, (3, out.height, out.width) in -1..1. The order of scaling to
// -1..1 and resizing is the release's (VEGA-3D, video_utils.py, wan_t2v_encoder.py).
// depth: size of the depth images, used by center_crop only (its width is
// int(depth.width * 384 / depth.height)); {0, 0} when unknown: the frame's own size.
// Throws InputError (empty frame or size; center_crop of a frame that is higher than wide).
SignedImage apply_view(const ImageU8& frame, View view, ImageSize out, ImageSize depth = {});

// True where the 384x384 picture of kMllm and kCenterCrop has no sample below mid-grey (128 of
// 255). The released code guesses the range of a scene's pictures from their least value: where no
// frame has a sample below mid-grey, it believes that they run from 0 to 1 instead of -1 to 1 and
// scales them once more. Throws as apply_view.
bool above_mid_grey(const ImageU8& frame, View view, ImageSize depth = {});

// From pixels of the view's picture to pixels of the original frame.
Affine view_to_source(View view, ImageSize source, ImageSize out, ImageSize depth = {});

// From integer cell centres (col, row) of a grid over the view's picture to pixels of the original
// frame. Nominal uniform grid: x_out = (col + 0.5) * out.width / grid_w - 0.5.
Affine cell_to_px(View view, ImageSize source, ImageSize out, ImageSize depth, int grid_w,
                  int grid_h);

// Mean colour 0..1 of each cell: (grid_h, grid_w, 3). Cell i of n pixels spans
// floor(i*n/g) .. ceil((i+1)*n/g) (adaptive average pooling; windows may overlap).
// Throws InputError (empty image or grid).
std::vector<float> mean_cells(const SignedImage& image, int grid_h, int grid_w);

}  // namespace vega
