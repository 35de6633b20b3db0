// Sine embedding of 3D positions, without parameters.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "geometry/points.h"

namespace vega {

// For H channels and n points a token: F = floor(H / (3 n)) channels a coordinate,
//   period_j = 10000^(2 floor(j / 2) / F), angle = c / period_j in float32,
//   sin(angle) for even j, cos for odd j;
// x, y, z one after the other, points one after the other, the channels that are left are 0.
// c is the voxel index (or metres), unscaled. Powers, sines and cosines are the float32 numbers
// next to the true ones. torch's own are not, and its scalar kernels differ from its vectorised
// ones; where that reaches a bfloat16 of H = 3584 (nine powers, one cosine: the tables in the
// source) the values of torch 2.11 with AVX2 or AVX-512 are taken. So kBf16 equals torch on such a
// CPU bit for bit, for every index 0..300 and 1, 2, 5 or 9 points. Elsewhere (metres, kF32, other
// H) sines and cosines are within one float32 step of torch's of the same angle.
//   kBf16  coordinates are bfloat16 numbers, results are rounded to bfloat16
//   kF32   float32 throughout
// Source: VEGA-3D, position_encoding.py, PositionEmbeddingSine3D.
class Sine3d {
 public:
  // Throws InputError unless points is positive and width at least 3 * points.
  explicit Sine3d(std::size_t width, std::size_t points = 1);

  std::size_t width() const { return width_; }
  std::size_t points() const { return points_; }
  std::span<const float> periods() const { return periods_; }  // F

  // coords (n, points, 3) to (n, width). Coordinates that are not finite embed as NaN. Throws
  // InputError where the coordinates are no multiple of 3 points.
  std::vector<float> embed(std::span<const float> coords, GeometryType type) const;

 private:
  void fill(float c, GeometryType type, float* out) const;  // F channels of one coordinate

  std::size_t width_, points_;
  std::vector<float> periods_;
};

}  // namespace vega
