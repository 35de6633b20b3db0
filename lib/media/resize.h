// Resizing and cropping: Pillow's 8-bit bicubic bit by bit, torch's float bilinear, plain
// thumbnails.
#pragma once

#include "media/image.h"

namespace vega {

// Image.resize((w, h)) of Pillow up to 12.2: bicubic (a = -0.5), antialiased when shrinking,
// weights of 22-bit fixed point, horizontally first with an 8-bit rounded intermediate; an axis
// that keeps its size is skipped. Bit-exact. Throws InputError (empty image or size). Source:
// scene_understanding 1.9.
ImageU8 resize_bicubic_pillow(const ImageU8& image, int w, int h);

// torch interpolate(mode="bilinear", align_corners=False, antialias=False): half-pixel centres,
// coordinates and weights in float32, border replicated. Throws InputError (empty image or size).
template <PixelRange R>
FloatImage<R> resize_bilinear(const FloatImage<R>& image, int w, int h);

// Columns left..left+w, rows top..top+h. Throws InputError when the window leaves the image.
ImageU8 crop(const ImageU8& image, int left, int top, int w, int h);
template <PixelRange R>
FloatImage<R> crop(const FloatImage<R>& image, int left, int top, int w, int h);

// How an image is enlarged to cover `out` and where the crop starts.
//   scale = max(out_h/h, out_w/w); resized = round-half-even(h * scale), at least 1;
//   left, top = floor((resized - out) / 2)
// Source: wan_extraction 2.
struct CoverPlan {
  ImageSize resized;
  int left = 0, top = 0;
};
CoverPlan plan_cover(ImageSize in, ImageSize out);

// resize_bilinear to plan.resized, then crop to `out`; only the pixels that stay are computed.
template <PixelRange R>
FloatImage<R> resize_cover_crop(const FloatImage<R>& image, ImageSize out);

// For pictures only: box average along an axis that shrinks, nearest along one that grows.
ImageU8 resize_area_u8(const ImageU8& image, int w, int h);

// Size with the longest side at most `longest`, aspect kept; never enlarged, at least 1.
ImageSize fit_longest(ImageSize size, int longest);

}  // namespace vega
