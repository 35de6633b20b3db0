// The eight ways in which a stored picture is turned to stand upright.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "media/image.h"

namespace vega {

// What is done to the stored picture. Turns are clockwise; a mirrored one is flipped left to right
// first and then turned.
enum class Orientation {
  kUpright,
  kTurn90,
  kTurn180,
  kTurn270,
  kMirror,
  kMirrorTurn90,
  kMirrorTurn180,
  kMirrorTurn270
};

// "upright", "turned 90", "mirrored, turned 90", ...: for logs.
std::string_view name_of(Orientation orientation);

// True where width and height change places.
bool swaps_sides(Orientation orientation);

// Of a display matrix (a b u, c d v, x y w) that takes stored (x, y), y down, to
// (a x + c y, b x + d y). Scale is not looked at. Nothing when the turn is no multiple of 90
// degrees. Source: ISO/IEC 14496-12, 6.2.2 and libavutil/display.h.
std::optional<Orientation> orientation_of(const std::array<std::int32_t, 9>& matrix);

// The picture, turned; exact.
ImageU8 orient(const ImageU8& image, Orientation orientation);

}  // namespace vega
