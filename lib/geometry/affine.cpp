#include "geometry/affine.h"

#include <cmath>

#include "base/error.h"

namespace vega {
namespace {

constexpr double kLeastArea = 1e-12;

double determinant(const Affine& m) { return m[0] * m[4] - m[1] * m[3]; }

}  // namespace

Affine compose(const Affine& second, const Affine& first) {
  const Affine &a = second, &b = first;
  return {a[0] * b[0] + a[1] * b[3], a[0] * b[1] + a[1] * b[4], a[0] * b[2] + a[1] * b[5] + a[2],
          a[3] * b[0] + a[4] * b[3], a[3] * b[1] + a[4] * b[4], a[3] * b[2] + a[4] * b[5] + a[5]};
}

bool has_inverse(const Affine& m) {
  const double det = determinant(m);  // not finite where m0, m1, m3 or m4 is not
  return std::isfinite(det) && std::abs(det) >= kLeastArea && std::isfinite(m[2] + m[5]);
}

Affine inverse(const Affine& m, std::string_view what) {
  if (!has_inverse(m))
    throw InputError(explain(std::string(what), "a transform without inverse",
                             "cells that cover pixels of the frame"));
  const double det = determinant(m);
  const double a = m[4] / det, b = -m[1] / det, c = -m[3] / det, d = m[0] / det;
  return {a, b, -(a * m[2] + b * m[5]), c, d, -(c * m[2] + d * m[5])};
}

Affine rescale_cells(const Affine& m, Grid from, Grid to) {
  const double sx = static_cast<double>(from.columns) / static_cast<double>(to.columns);
  const double sy = static_cast<double>(from.rows) / static_cast<double>(to.rows);
  return compose(m, {sx, 0, 0.5 * sx - 0.5, 0, sy, 0.5 * sy - 0.5});
}

Affine rescale_pixels(const Affine& m, ImageSize picture, ImageSize copy) {
  if (picture.empty())
    throw InputError(explain("picture", "frames of unknown size", "their width and height"));
  const double x = static_cast<double>(copy.width) / picture.width;
  const double y = static_cast<double>(copy.height) / picture.height;
  return {m[0] * x, m[1] * x, (m[2] + 0.5) * x - 0.5, m[3] * y, m[4] * y, (m[5] + 0.5) * y - 0.5};
}

}  // namespace vega
