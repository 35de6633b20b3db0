// Boxes as a mesh that any viewer lays over the scan.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "geometry/pose.h"

namespace vega::evaluate {

struct DrawnBox {
  Box box{};  // m, axis-aligned
  std::array<std::uint8_t, 3> rgb = {255, 80, 0};
};

// The edges of the boxes as bars with a square section, in ASCII PLY with a colour a vertex:
// viewers that show no line elements show them too. from_aligned takes the boxes' frame to that of
// the file. The bars are 1 % of the box's diagonal thick, 4 to 30 mm. comment: one line for the
// head.
std::string box_mesh(std::span<const DrawnBox> boxes, const Pose& from_aligned,
                     const std::string& comment);

}  // namespace vega::evaluate
