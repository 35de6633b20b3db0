#include "media/orientation.h"

#include <algorithm>
#include <cstddef>

namespace vega {

namespace {

// Where the stored picture's right and down point to on the screen, as signs.
struct Axes {
  int right_x, right_y, down_x, down_y;
  friend bool operator==(const Axes&, const Axes&) = default;
};

// In the order of Orientation. A clockwise quarter takes right to down, and down to left.
constexpr std::array<Axes, 8> kAxes = {{{1, 0, 0, 1},
                                        {0, 1, -1, 0},
                                        {-1, 0, 0, -1},
                                        {0, -1, 1, 0},
                                        {-1, 0, 0, 1},
                                        {0, -1, -1, 0},
                                        {1, 0, 0, -1},
                                        {0, 1, 1, 0}}};

constexpr std::array<std::string_view, 8> kNames = {
    "upright",  "turned 90",           "turned 180",           "turned 270",
    "mirrored", "mirrored, turned 90", "mirrored, turned 180", "mirrored, turned 270"};

int sign(std::int32_t value) { return (value > 0) - (value < 0); }

}  // namespace

std::string_view name_of(Orientation orientation) {
  return kNames[static_cast<std::size_t>(orientation)];
}

bool swaps_sides(Orientation orientation) {
  return kAxes[static_cast<std::size_t>(orientation)].right_x == 0;
}

std::optional<Orientation> orientation_of(const std::array<std::int32_t, 9>& matrix) {
  const Axes axes{sign(matrix[0]), sign(matrix[1]), sign(matrix[3]), sign(matrix[4])};
  const auto found = std::find(kAxes.begin(), kAxes.end(), axes);
  if (found == kAxes.end()) return std::nullopt;
  return static_cast<Orientation>(found - kAxes.begin());
}

ImageU8 orient(const ImageU8& image, Orientation orientation) {
  if (orientation == Orientation::kUpright) return image;
  const Axes axes = kAxes[static_cast<std::size_t>(orientation)];
  const bool swap = swaps_sides(orientation);
  ImageU8 out(swap ? image.height : image.width, swap ? image.width : image.height);
  // The stored corner (0, 0) lands where the negative directions end.
  const int first_x = axes.right_x + axes.down_x < 0 ? out.width - 1 : 0;
  const int first_y = axes.right_y + axes.down_y < 0 ? out.height - 1 : 0;
  for (int y = 0; y < image.height; ++y) {
    const std::uint8_t* from = image.row(y);
    int to_x = first_x + axes.down_x * y;
    int to_y = first_y + axes.down_y * y;
    for (int x = 0; x < image.width; ++x, from += 3) {
      std::copy_n(from, 3, out.row(to_y) + 3 * to_x);
      to_x += axes.right_x;
      to_y += axes.right_y;
    }
  }
  return out;
}

}  // namespace vega
