#include "train/opencv_pen.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <utility>

#include "train/opencv_letters.h"

namespace vega::train {
namespace {

constexpr int kShift = 16;
constexpr std::int64_t kOne = std::int64_t{1} << kShift, kHalf = kOne / 2;

constexpr int kScale = 2, kLabelThickness = 10;
constexpr int kAboveBaseline = 9, kCapitals = 12;  // units of the font

// Round ends of smooth lines are polygons of twelve corners, 30 degrees apart; the last corner is
// the first again. Their radius, and its products with sin 30 and sin 60 in float32, rounded.
constexpr std::array<std::int64_t, 4> kEnd = {0, 163840, 283779, 5 * kOne};
static_assert(kLabelThickness * kHalf == 5 * kOne);

// Weight of a smooth line's pixel by its distance from the line, in 1/32 of a pixel.
constexpr std::array<int, 64> kFilter = {
    168, 177, 185, 194, 202, 210, 218, 224, 231, 236, 241, 246, 249, 252, 254, 254,
    254, 254, 252, 249, 246, 241, 236, 231, 224, 218, 210, 202, 194, 185, 177, 168,
    158, 149, 140, 131, 122, 114, 105, 97,  89,  82,  75,  68,  62,  56,  50,  45,
    40,  36,  32,  28,  25,  22,  19,  16,  14,  12,  11,  9,   8,   7,   5,   5};
// Its correction by the line's slope, in 1/32; 256 at 45 degrees.
constexpr std::array<int, 32> kSlope = {181, 181, 181, 182, 182, 183, 184, 185, 187, 188, 190,
                                        192, 194, 196, 198, 201, 203, 206, 209, 211, 214, 218,
                                        221, 224, 227, 231, 235, 238, 242, 246, 250, 254};

// Halves go to the even number, as cvRound has it.
std::int64_t nearest(double value) { return static_cast<std::int64_t>(std::nearbyint(value)); }

// A smooth line's weight at its ends, by the number of pixels from the first and to the last, each
// up to 2. first, last: where in a pixel the line begins and ends, in 1/128 (multiples of 8).
std::array<std::array<int, 3>, 3> end_weights(int slope, int first, int last) {
  const auto part = [](int value) { return (value >> 8) & 0x1ff; };
  const int begin = ((0x78 - first) | 4) * slope, finish = (last | 4) * slope, pixel = slope << 7;
  const int one = part((((last - first) & 0x78) | 4) * slope);
  return {{{0, one, part(begin)},
           {one, part(((last - first + 0x80) | 4) * slope), part(begin + pixel)},
           {part(finish), part(finish + pixel), slope}}};
}

}  // namespace

ImageSize opencv_label_size(std::string_view label) {
  int width = kLabelThickness;
  for (const char letter : label)
    width += kScale * (opencv_letter(letter).right - opencv_letter(letter).left);
  return {width, kScale * (kCapitals + kAboveBaseline) + (kLabelThickness + 1) / 2};
}

void OpenCvPen::disc(PixelPlace centre, int radius) {
  int error = 0, plus = 1, minus = 2 * radius - 1;
  for (int dx = radius, dy = 0; dx >= dy;) {
    for (const int sign : {-1, 1}) {
      row(centre.y + sign * dy, centre.x - dx, centre.x + dx);
      row(centre.y + sign * dx, centre.x - dy, centre.x + dy);
    }
    ++dy;
    error += plus;
    plus += 2;
    if (error > 0) {
      error -= minus;
      minus -= 2;
      --dx;
    }
  }
}

void OpenCvPen::frame(PixelPlace from, PixelPlace to, int thickness) {
  const std::array<PixelPlace, 4> corners = {{from, {to.x, from.y}, to, {from.x, to.y}}};
  for (std::size_t i = 0; i < 4; ++i)
    line(corners[(i + 3) % 4], corners[i], thickness, false, false);
}

void OpenCvPen::fill(PixelPlace from, PixelPlace to) {
  const std::int64_t last = std::min<std::int64_t>(to.y, image_.height - 1);
  for (auto y = std::max<std::int64_t>(from.y, 0); y <= last; ++y) row(y, from.x, to.x);
}

void OpenCvPen::label(std::string_view label, PixelPlace at, bool smooth) {
  std::int64_t middle = at.x;
  const std::int64_t top = at.y - kScale * kAboveBaseline;
  for (const char code : label) {
    const OpenCvLetter& letter = opencv_letter(code);
    middle -= kScale * letter.left;
    for (const auto& stroke : letter.strokes) {
      const auto place = [&](LetterPoint point) {
        return PixelPlace{middle + kScale * point.x, top + kScale * point.y};
      };
      for (std::size_t i = 1; i < stroke.size(); ++i)
        line(place(stroke[i - 1]), place(stroke[i]), kLabelThickness, smooth, i == 1);
    }
    middle += kScale * letter.right;
  }
}

// With a round end at `to`, and at `from` where it is the first of several.
void OpenCvPen::line(PixelPlace from, PixelPlace to, int thickness, bool smooth, bool first) {
  const auto dx = static_cast<double>(from.x - to.x), dy = static_cast<double>(to.y - from.y);
  const double square = dx * dx + dy * dy;
  if (square > 0) {
    const double half = static_cast<double>(thickness * kHalf) / std::sqrt(square);
    const std::int64_t x = nearest(dy * half), y = nearest(dx * half);
    const Fine a = {from.x * kOne, from.y * kOne}, b = {to.x * kOne, to.y * kOne};
    const std::array<Fine, 4> corners = {
        {{a.x + x, a.y + y}, {a.x - x, a.y - y}, {b.x - x, b.y - y}, {b.x + x, b.y + y}}};
    polygon(corners, smooth);
  }
  if (first) end(from, thickness, smooth);
  end(to, thickness, smooth);
}

void OpenCvPen::end(PixelPlace at, int thickness, bool smooth) {
  if (!smooth) return disc(at, thickness / 2);
  std::array<Fine, 13> corners;
  // Sines of 0, 30, ... degrees.
  const auto sine = [](int n) {
    const auto quarter = static_cast<std::size_t>(n % 6 <= 3 ? n % 6 : 6 - n % 6);
    return n % 12 < 6 ? kEnd[quarter] : -kEnd[quarter];
  };
  for (int n = 0; n <= 12; ++n)
    corners[static_cast<std::size_t>(n)] = {at.x * kOne + sine(n + 3), at.y * kOne + sine(n)};
  polygon(corners, true);
}

// A convex polygon: its edges as lines one pixel wide, and its inside.
void OpenCvPen::polygon(std::span<const Fine> corners, bool smooth) {
  Fine last = corners.back();
  for (const Fine corner : corners) {
    if (smooth)
      smooth_edge(last, corner);
    else
      edge(last, corner);
    last = corner;
  }
  inside(corners, smooth);
}

void OpenCvPen::inside(std::span<const Fine> corners, bool smooth) {
  const auto pixel = [](std::int64_t fine) { return (fine + kHalf) >> kShift; };
  const std::size_t count = corners.size();
  std::size_t top = 0;
  Fine least = corners[0], most = corners[0];
  for (std::size_t i = 0; i < count; ++i) {
    const Fine at = corners[i];
    if (at.y < least.y) top = i;
    least = {std::min(least.x, at.x), std::min(least.y, at.y)};
    most = {std::max(most.x, at.x), std::max(most.y, at.y)};
  }
  if (pixel(most.x) < 0 || pixel(most.y) < 0 || pixel(least.x) >= image_.width ||
      pixel(least.y) >= image_.height)
    return;
  const std::int64_t first = pixel(least.y), last = pixel(most.y);
  const std::int64_t bottom = std::min<std::int64_t>(last, image_.height - 1);
  // The two sides that a row lies between go down from the uppermost corner, either way round.
  struct Side {
    std::size_t corner, step;
    std::int64_t x, slope, until;  // until: the row at which its next edge begins
  };
  std::array<Side, 2> sides = {{{top, 1, -kOne, 0, first}, {top, count - 1, -kOne, 0, first}}};
  auto edges = static_cast<std::int64_t>(count);
  for (std::int64_t y = first; y <= bottom; ++y) {
    // The last row of a smooth polygon goes on with the edges of the row before.
    if (!smooth || y < bottom || y == first) {
      for (Side& side : sides) {
        if (y < side.until) continue;
        std::size_t from = side.corner, to = (from + side.step) % count;
        while (edges-- > 0) {
          const std::int64_t end = pixel(corners[to].y), rows = end - y;
          if (rows > 0) {
            side.until = end;
            side.slope = ((corners[to].x - corners[from].x) * 2 + rows) / (2 * rows);
            side.x = corners[from].x;
            side.corner = to;
            break;
          }
          from = to;
          to = (to + side.step) % count;
        }
      }
    }
    if (edges < 0) return;
    const auto [left, right] = std::minmax(sides[0].x, sides[1].x);
    if (smooth)
      row(y, (left + kOne - 1) >> kShift, right >> kShift);
    else
      row(y, pixel(left), pixel(right));
    for (Side& side : sides) side.x += side.slope;
  }
}

// Cuts a line to places from 0 to below `size`; false: nothing is left.
bool OpenCvPen::clip(Fine size, Fine& from, Fine& to) {
  if (size.x <= 0 || size.y <= 0) return false;
  const Fine most = {size.x - 1, size.y - 1};
  enum { kLeft = 1, kRight = 2, kAbove = 4, kBelow = 8 };
  const auto beside = [&](Fine at) {
    return (at.x < 0 ? kLeft : 0) + (at.x > most.x ? kRight : 0);
  };
  const auto outside = [&](Fine at) {
    return beside(at) + (at.y < 0 ? kAbove : 0) + (at.y > most.y ? kBelow : 0);
  };
  const auto along = [](std::int64_t way, std::int64_t rise, std::int64_t run) {
    return static_cast<std::int64_t>(static_cast<double>(way) * static_cast<double>(rise) /
                                     static_cast<double>(run));
  };
  int a = outside(from), b = outside(to);
  if ((a & b) == 0 && (a | b) != 0) {
    const auto cut_rows = [&](Fine& at, int& where) {
      if ((where & (kAbove | kBelow)) == 0) return;
      const std::int64_t y = where < kBelow ? 0 : most.y;
      at.x += along(y - at.y, to.x - from.x, to.y - from.y);
      at.y = y;
      where = beside(at);
    };
    cut_rows(from, a);
    cut_rows(to, b);
    if ((a & b) == 0 && (a | b) != 0) {
      const auto cut_columns = [&](Fine& at, int& where) {
        if (where == 0) return;
        const std::int64_t x = where == kLeft ? 0 : most.x;
        at.y += along(x - at.x, to.y - from.y, to.x - from.x);
        at.x = x;
        where = 0;
      };
      cut_columns(from, a);
      cut_columns(to, b);
    }
  }
  return (a | b) == 0;
}

std::optional<OpenCvPen::Way> OpenCvPen::way(Fine from, Fine to) const {
  if (!clip({image_.width * kOne, image_.height * kOne}, from, to)) return std::nullopt;
  const bool flat = std::abs(to.x - from.x) > std::abs(to.y - from.y);
  const auto turned = [&](Fine at) { return flat ? at : Fine{at.y, at.x}; };
  Fine at = turned(from), end = turned(to);
  if (at.x > end.x) std::swap(at, end);
  return Way{at, end, ((end.y - at.y) << kShift) / ((end.x - at.x) | 1), flat};
}

void OpenCvPen::edge(Fine from, Fine to) {
  const auto found = way(from, to);
  if (!found) return;
  const auto [at, end, step, flat] = *found;
  const auto dot = [&](std::int64_t along, std::int64_t across) {
    if (flat)
      row(across, along, along);
    else
      row(along, across, across);
  };
  dot((end.x + kHalf) >> kShift, (end.y + kHalf) >> kShift);
  const std::int64_t steps = (end.x - at.x) >> kShift;
  const std::int64_t first = (at.x + kHalf) >> kShift;
  for (std::int64_t n = 0; n <= steps; ++n) dot(first + n, (at.y + kHalf + n * step) >> kShift);
}

void OpenCvPen::blend(std::int64_t x, std::int64_t y, int weight) {
  if (x < 0 || x >= image_.width || y < 0 || y >= image_.height) return;
  std::uint8_t* pixel = image_.row(static_cast<int>(y)) + 3 * x;
  for (std::size_t c = 0; c < 3; ++c)
    for (int times = 0; times < 2; ++times)
      pixel[c] =
          static_cast<std::uint8_t>(pixel[c] + (((color_[c] - pixel[c]) * weight + 127) >> 8));
}

// Three pixels wide.
void OpenCvPen::smooth_edge(Fine from, Fine to) {
  const auto found = way(from, to);
  if (!found) return;
  auto [at, end, step, flat] = *found;
  end.x += kOne;
  const std::int64_t pixels = (end.x >> kShift) - (at.x >> kShift);
  std::int64_t across = at.y + ((step * -(at.x & (kOne - 1))) >> kShift) + kHalf;
  auto steep = static_cast<std::size_t>((step >> (kShift - 5)) & 0x3f);
  if (step < 0) steep ^= 0x3f;
  const auto fraction = [](std::int64_t fine) {
    return static_cast<int>((fine >> (kShift - 7)) & 0x78);
  };
  const auto weights =
      end_weights((steep & 0x20) != 0 ? 0x100 : kSlope[steep], fraction(at.x), fraction(end.x));
  for (std::int64_t n = 0; n <= pixels; ++n, across += step) {
    const int weight = weights[static_cast<std::size_t>(std::min<std::int64_t>(n, 2))]
                              [static_cast<std::size_t>(std::min<std::int64_t>(pixels - n, 2))];
    const auto off = static_cast<std::size_t>((across >> (kShift - 5)) & 31);
    const std::int64_t column = (at.x >> kShift) + n, line = across >> kShift;
    const std::array<int, 3> filter = {kFilter[off + 32], kFilter[off], kFilter[63 - off]};
    for (int side = 0; side < 3; ++side) {
      const int a = (weight * filter[static_cast<std::size_t>(side)] >> 8) & 0xff;
      if (flat)
        blend(column, line + side - 1, a);
      else
        blend(line + side - 1, column, a);
    }
  }
}

}  // namespace vega::train
