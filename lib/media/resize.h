// Resizing and cropping: Pillow's 8-bit bicubic bit by bit, torch's float bilinear, plain
// thumbnails.
#pragma once

#include "base/image_types.h"

namespace vega {

// Image.resize((w, h)) of Pillow up to 12.2: bicubic (a = -0.5), antialiased when shrinking,
// weights of 22-bit fixed point, horizontally first with an 8-bit rounded intermediate; an axis
// that keeps its size is skipped. Bit-exact. Throws InputError (empty image or size). Source:
// Pillow 10.4, Resample.c; VEGA-3D, video_utils.py.
ImageU8 resize_bicubic_pillow(const ImageU8& image, int w, int h);

// torch interpolate(mode="bilinear", align_corners=False, antialias=False): half-pixel centres,
// coordinates and weights in float32, border replicated. Throws InputError (empty image or size).
template <PixelRange R>
FloatImage<R> resize_bilinear(const FloatImage<R>& image, int w, int h);

// Columns left..left+w, rows top..top+h. Throws InputError when the window leaves the image.
ImageU8 crop(const ImageU8& image, int left, int top, int w, int h);
template <PixelRange R>
FloatImage<R> crop(const FloatImage<R>& image, int left, int top, int w, int h);

// resize_bilinear to the `resized` of plan_cover, then crop to `out`; only the pixels that stay are
// computed.
template <PixelRange R>
FloatImage<R> resize_cover_crop(const FloatImage<R>& image, ImageSize out);

// For pictures only: box average along an axis that shrinks, nearest along one that grows.
ImageU8 resize_area_u8(const ImageU8& image, int w, int h);

// Size with the longest side at most `longest`, aspect kept; never enlarged, at least 1.
ImageSize fit_longest(ImageSize size, int longest);

}  // namespace vega
