// Conversions between the images of base/image_types.h.
#pragma once

#include <cstdint>

#include "base/image_types.h"

namespace vega {

// A picture or video frame with more pixels is refused: 16384 x 16384.
inline constexpr std::int64_t kMostPixels = std::int64_t{1} << 28;

// 0..255 -> 0..1: x * (1/255) in double, rounded to float32 (the SigLIP processor's rescaling).
UnitImage to_unit(const ImageU8& image);

// 0..1 -> -1..1: 2x - 1 in float32.
SignedImage to_signed(const UnitImage& image);

// -1..1 -> 0..1: (x + 1) / 2 in float32, not clamped (the release's range rule 2).
UnitImage to_unit(const SignedImage& image);

// 0..1 -> 0..255: round(255 x), clamped; for pictures.
ImageU8 to_u8(const UnitImage& image);

}  // namespace vega
