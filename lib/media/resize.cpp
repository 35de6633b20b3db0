#include "media/resize.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "geometry/cover.h"

namespace vega {

namespace {

void check_sizes(ImageSize in, ImageSize out) {
  if (in.width < 1 || in.height < 1 || out.width < 1 || out.height < 1) {
    throw InputError(explain("resize", fmt::format("{} to {}", to_string(in), to_string(out)),
                             "at least one pixel on each side"));
  }
}

// --- Pillow's bicubic ---

constexpr int kPrecision = 22;  // bits after the point of a weight

double cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
  return 0.0;
}

// Weights of one axis: output i reads `count[i]` inputs from `first[i]`; weights at i * stride.
struct Taps {
  int stride = 0;
  std::vector<int> first, count;
  std::vector<std::int32_t> weight;
};

Taps make_taps(int in, int out) {
  const double scale = static_cast<double>(in) / out;
  const double filter = std::max(scale, 1.0);
  const double support = 2.0 * filter;
  const double inverse = 1.0 / filter;
  Taps taps;
  taps.stride = static_cast<int>(std::ceil(support)) * 2 + 1;
  taps.first.resize(std::size_t(out));
  taps.count.resize(std::size_t(out));
  taps.weight.assign(std::size_t(out) * std::size_t(taps.stride), 0);
  std::vector<double> exact(std::size_t(taps.stride));
  for (int i = 0; i < out; ++i) {
    const double centre = (i + 0.5) * scale;
    const int first = std::max(static_cast<int>(centre - support + 0.5), 0);
    const int count = std::min(static_cast<int>(centre + support + 0.5), in) - first;
    double sum = 0;
    for (int j = 0; j < count; ++j) {
      exact[std::size_t(j)] = cubic((j + first - centre + 0.5) * inverse);
      sum += exact[std::size_t(j)];
    }
    taps.first[std::size_t(i)] = first;
    taps.count[std::size_t(i)] = count;
    auto* weight = taps.weight.data() + std::size_t(i) * std::size_t(taps.stride);
    for (int j = 0; j < count; ++j) {
      const double w =
          (sum != 0.0 ? exact[std::size_t(j)] / sum : exact[std::size_t(j)]) * (1 << kPrecision);
      weight[j] = static_cast<std::int32_t>(w < 0 ? w - 0.5 : w + 0.5);  // half away from zero
    }
  }
  return taps;
}

std::uint8_t to_byte(std::int32_t sum) {
  return static_cast<std::uint8_t>(std::clamp(sum >> kPrecision, 0, 255));
}

ImageU8 resize_columns(const ImageU8& in, int w) {
  const Taps taps = make_taps(in.width, w);
  ImageU8 out(w, in.height);
  for (int y = 0; y < in.height; ++y) {
    std::uint8_t* to = out.row(y);
    for (int x = 0; x < w; ++x, to += 3) {
      const std::uint8_t* from = in.row(y) + 3 * taps.first[std::size_t(x)];
      const std::int32_t* weight = taps.weight.data() + std::size_t(x) * std::size_t(taps.stride);
      std::int32_t r = 1 << (kPrecision - 1), g = r, b = r;
      for (int j = taps.count[std::size_t(x)]; j > 0; --j, from += 3, ++weight) {
        r += from[0] * *weight;
        g += from[1] * *weight;
        b += from[2] * *weight;
      }
      to[0] = to_byte(r);
      to[1] = to_byte(g);
      to[2] = to_byte(b);
    }
  }
  return out;
}

ImageU8 resize_rows(const ImageU8& in, int h) {
  const Taps taps = make_taps(in.height, h);
  const int n = 3 * in.width;
  ImageU8 out(in.width, h);
  std::vector<std::int32_t> sums(std::size_t(n), 0);
  for (int y = 0; y < h; ++y) {
    std::fill(sums.begin(), sums.end(), 1 << (kPrecision - 1));
    std::int32_t* sum = sums.data();
    for (int j = 0; j < taps.count[std::size_t(y)]; ++j) {
      const std::uint8_t* from = in.row(taps.first[std::size_t(y)] + j);
      const std::int32_t weight =
          taps.weight[std::size_t(y) * std::size_t(taps.stride) + std::size_t(j)];
      for (int x = 0; x < n; ++x) sum[x] += from[x] * weight;
    }
    std::uint8_t* to = out.row(y);
    for (int x = 0; x < n; ++x) to[x] = to_byte(sum[x]);
  }
  return out;
}

// --- torch's bilinear ---

// One axis: output i blends inputs lo[i] and hi[i] with weights 1 - w[i] and w[i].
struct Lerp {
  std::vector<int> lo, hi;
  std::vector<float> w;
};

// Outputs `start` .. `start + count` of an axis that goes from `in` to `full` pixels.
Lerp make_lerp(int in, int full, int start, int count) {
  Lerp lerp{std::vector<int>(std::size_t(count)), std::vector<int>(std::size_t(count)),
            std::vector<float>(std::size_t(count))};
  const float scale = static_cast<float>(in) / static_cast<float>(full);
  for (int i = 0; i < count; ++i) {
    const auto at = std::size_t(i);
    // One rounding, as torch's builds with fused multiply-add do; two would move pixels by 1e-6.
    const float source =
        std::max(std::fma(static_cast<float>(start + i) + 0.5F, scale, -0.5F), 0.0F);
    lerp.lo[at] = std::min(static_cast<int>(source), in - 1);
    lerp.hi[at] = std::min(lerp.lo[at] + 1, in - 1);
    lerp.w[at] = std::clamp(source - static_cast<float>(lerp.lo[at]), 0.0F, 1.0F);
  }
  return lerp;
}

// The window (left, top, w, h) of the image resized to `full`.
template <PixelRange R>
FloatImage<R> bilinear_window(const FloatImage<R>& image, ImageSize full, int left, int top, int w,
                              int h) {
  check_sizes(image.size(), full);
  const Lerp lx = make_lerp(image.width, full.width, left, w);
  const Lerp ly = make_lerp(image.height, full.height, top, h);
  FloatImage<R> out(w, h);
  std::vector<float> upper(static_cast<std::size_t>(w)), lower(upper.size());
  const auto blend_row = [&](const float* row, std::vector<float>& to) {
    for (std::size_t x = 0; x < to.size(); ++x) {
      to[x] = (1.0F - lx.w[x]) * row[lx.lo[x]] + lx.w[x] * row[lx.hi[x]];
    }
  };
  for (std::size_t c = 0; c < 3; ++c) {
    const float* plane = image.chw.data() + c * image.plane();
    float* to = out.chw.data() + c * out.plane();
    int in_upper = -1, in_lower = -1;  // which input rows are blended already
    for (int y = 0; y < h; ++y, to += w) {
      const int lo = ly.lo[std::size_t(y)], hi = ly.hi[std::size_t(y)];
      if (lo == in_lower) {
        upper.swap(lower);
        std::swap(in_upper, in_lower);
      }
      const std::size_t width = static_cast<std::size_t>(image.width);
      if (lo != in_upper) blend_row(plane + std::size_t(lo) * width, upper);
      if (hi != in_lower) blend_row(plane + std::size_t(hi) * width, lower);
      in_upper = lo;
      in_lower = hi;
      const float w1 = ly.w[std::size_t(y)], w0 = 1.0F - w1;
      for (int x = 0; x < w; ++x) {
        to[x] = w0 * upper[std::size_t(x)] + w1 * lower[std::size_t(x)];
      }
    }
  }
  return out;
}

void check_window(ImageSize image, int left, int top, int w, int h) {
  if (left < 0 || top < 0 || w < 1 || h < 1 || w > image.width - left || h > image.height - top) {
    throw InputError(explain("crop", fmt::format("{}x{} at ({}, {})", w, h, left, top),
                             fmt::format("a window inside {}", to_string(image))));
  }
}

struct Range {
  int begin, end;
};

// Inputs that output i of n averages: the box it covers, or the nearest pixel when growing.
Range box(int i, int in, int n) {
  const auto wide = std::int64_t{in};
  if (n >= in) {
    const auto nearest = static_cast<int>((2 * i + 1) * wide / (2 * n));
    return {nearest, nearest + 1};
  }
  return {static_cast<int>(i * wide / n), static_cast<int>(((i + 1) * wide + n - 1) / n)};
}

}  // namespace

ImageU8 resize_bicubic_pillow(const ImageU8& image, int w, int h) {
  check_sizes(image.size(), {w, h});
  if (w == image.width) return h == image.height ? image : resize_rows(image, h);
  ImageU8 wide = resize_columns(image, w);
  return h == image.height ? wide : resize_rows(wide, h);
}

template <PixelRange R>
FloatImage<R> resize_bilinear(const FloatImage<R>& image, int w, int h) {
  return bilinear_window(image, {w, h}, 0, 0, w, h);
}

ImageU8 crop(const ImageU8& image, int left, int top, int w, int h) {
  check_window(image.size(), left, top, w, h);
  ImageU8 out(w, h);
  for (int y = 0; y < h; ++y) {
    std::memcpy(out.row(y), image.row(top + y) + 3 * left, 3 * std::size_t(w));
  }
  return out;
}

template <PixelRange R>
FloatImage<R> crop(const FloatImage<R>& image, int left, int top, int w, int h) {
  check_window(image.size(), left, top, w, h);
  FloatImage<R> out(w, h);
  const auto width = static_cast<std::size_t>(w);
  for (std::size_t c = 0; c < 3; ++c) {
    for (int y = 0; y < h; ++y) {
      const float* from = image.chw.data() + c * image.plane() +
                          std::size_t(top + y) * std::size_t(image.width) + left;
      std::copy_n(from, width, out.chw.data() + c * out.plane() + std::size_t(y) * width);
    }
  }
  return out;
}

template <PixelRange R>
FloatImage<R> resize_cover_crop(const FloatImage<R>& image, ImageSize out) {
  const CoverPlan plan = plan_cover(image.size(), out);
  return bilinear_window(image, plan.resized, plan.left, plan.top, out.width, out.height);
}

ImageU8 resize_area_u8(const ImageU8& image, int w, int h) {
  check_sizes(image.size(), {w, h});
  ImageU8 out(w, h);
  for (int y = 0; y < h; ++y) {
    const Range rows = box(y, image.height, h);
    for (int x = 0; x < w; ++x) {
      const Range columns = box(x, image.width, w);
      std::int64_t sum[3] = {0, 0, 0};
      for (int v = rows.begin; v < rows.end; ++v) {
        const std::uint8_t* from = image.row(v) + 3 * columns.begin;
        for (int u = columns.begin; u < columns.end; ++u, from += 3) {
          for (int c = 0; c < 3; ++c) sum[c] += from[c];
        }
      }
      const auto area = std::int64_t{rows.end - rows.begin} * (columns.end - columns.begin);
      for (int c = 0; c < 3; ++c) {
        out.row(y)[3 * x + c] = static_cast<std::uint8_t>((sum[c] + area / 2) / area);
      }
    }
  }
  return out;
}

ImageSize fit_longest(ImageSize size, int longest) {
  const int side = std::max(size.width, size.height);
  if (side <= longest) return size;
  const auto scaled = [&](int n) {
    return std::max(1, static_cast<int>((2 * std::int64_t{n} * longest + side) / (2 * side)));
  };
  return {scaled(size.width), scaled(size.height)};
}

template UnitImage resize_bilinear(const UnitImage&, int, int);
template SignedImage resize_bilinear(const SignedImage&, int, int);
template UnitImage crop(const UnitImage&, int, int, int, int);
template SignedImage crop(const SignedImage&, int, int, int, int);
template UnitImage resize_cover_crop(const UnitImage&, ImageSize);
template SignedImage resize_cover_crop(const SignedImage&, ImageSize);

}  // namespace vega
