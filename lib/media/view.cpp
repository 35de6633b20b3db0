#include "media/view.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "base/error.h"
#include "geometry/cover.h"
#include "media/image.h"
#include "media/resize.h"

namespace vega {

namespace {

constexpr int kSquare = 384;  // side of the picture that the released language model sees

// u = scale * x + offset along one axis; pixel centres are integers.
struct AxisMap {
  double scale = 1, offset = 0;
};

// Back through a resize from `in` to `out` pixels: (x + 0.5) in/out - 0.5.
AxisMap unresize(double in, double out) { return {in / out, 0.5 * in / out - 0.5}; }

// Back through a crop that starts at `start`.
AxisMap uncrop(double start) { return {1, start}; }

// Applies `inner` (nearer to the view) first, then `outer` (nearer to the source).
AxisMap then(AxisMap inner, AxisMap outer) {
  return {outer.scale * inner.scale, outer.scale * inner.offset + outer.offset};
}

// Width of a center_crop frame before its columns are cut.
int center_crop_width(ImageSize source, ImageSize depth) {
  const ImageSize shape = depth == ImageSize{} ? source : depth;
  if (shape.width < 1 || shape.height < 1) {
    throw InputError(explain("view center_crop", to_string(shape), "a frame that is not empty"));
  }
  const auto width = std::int64_t{shape.width} * kSquare / shape.height;
  if (width < kSquare) {
    throw InputError(
        explain("view center_crop", fmt::format("frames of shape {}", to_string(shape)),
                "frames at least as wide as high", "use --view mllm, which takes whole frames"));
  }
  return static_cast<int>(width);
}

// The 384x384 8-bit picture to -1..1: the processor's (x/255 - 0.5)/0.5, then the tower's
// (x + 1)/2 and 2x - 1, which loses a bit and so is kept.
SignedImage from_square(const ImageU8& square, ImageSize out) {
  const SignedImage processed = to_signed(to_unit(square));
  return resize_cover_crop(to_signed(to_unit(processed)), out);
}

// What the released language model sees of a frame.
ImageU8 square_of(const ImageU8& frame, View view, ImageSize depth) {
  if (view == View::kMllm) return resize_bicubic_pillow(frame, kSquare, kSquare);
  const int width = center_crop_width(frame.size(), depth);
  const ImageU8 tall = resize_bicubic_pillow(frame, width, kSquare);
  return crop(tall, (width - kSquare) / 2, 0, kSquare, kSquare);
}

struct AxisMaps {
  AxisMap x, y;
};

// Back through cover and centre crop of an `in` picture.
AxisMaps uncover(ImageSize in, ImageSize out) {
  const CoverPlan plan = plan_cover(in, out);
  return {then(uncrop(plan.left), unresize(in.width, plan.resized.width)),
          then(uncrop(plan.top), unresize(in.height, plan.resized.height))};
}

// Back through cover and crop, then through spatial_frame.
AxisMaps spatial_maps(ImageSize source, ImageSize out) {
  const SpatialPlan plan = plan_spatial(source);
  AxisMaps maps = uncover(plan.cut, out);
  maps.x = then(maps.x, unresize(source.width, plan.resized.width));
  maps.y = then(then(maps.y, uncrop(plan.top)), unresize(source.height, plan.resized.height));
  return maps;
}

AxisMaps source_maps(View view, ImageSize source, ImageSize out, ImageSize depth) {
  if (view == View::kNative) return uncover(source, out);
  if (view == View::kSpatial) return spatial_maps(source, out);
  if (view == View::kStretch) {
    return {unresize(source.width, out.width), unresize(source.height, out.height)};
  }
  AxisMaps maps = uncover({kSquare, kSquare}, out);
  int width = kSquare;
  if (view == View::kCenterCrop) {
    width = center_crop_width(source, depth);
    maps.x = then(maps.x, uncrop((width - kSquare) / 2));
  }
  maps.x = then(maps.x, unresize(source.width, width));
  maps.y = then(maps.y, unresize(source.height, kSquare));
  return maps;
}

void check(ImageSize source, ImageSize out) {
  if (source.width < 1 || source.height < 1 || out.width < 1 || out.height < 1) {
    throw InputError(explain("view",
                             fmt::format("frame {}, size {}", to_string(source), to_string(out)),
                             "at least one pixel on each side"));
  }
}

}  // namespace

SpatialPlan plan_spatial(ImageSize frame) {
  constexpr int kWidth = 518, kPatch = 14, kCell = 28;
  if (frame.empty()) throw InputError(explain("a frame", "no pixel", "a picture"));
  const double scaled = frame.height * (static_cast<double>(kWidth) / frame.width);
  // Halves to the even multiple, as Python's round().
  const int height = static_cast<int>(std::nearbyint(scaled / kPatch)) * kPatch;
  // Of a frame that gets fewer rows than a cell has nothing is left.
  if (height < kCell)
    throw InputError(explain("a frame", to_string(frame),
                             "at least 1 row for 24 columns, so that 28 rows stay at 518 pixels of "
                             "width",
                             "crop it, or take another view (--preparation transformers)"));
  SpatialPlan plan;
  plan.resized = {kWidth, height};
  plan.top = height > kWidth ? (height - kWidth) / 2 : 0;
  plan.cut = {kWidth / kCell * kCell, std::min(height, kWidth) / kCell * kCell};
  return plan;
}

ImageU8 spatial_frame(const ImageU8& frame) {
  const SpatialPlan plan = plan_spatial(frame.size());
  return crop(resize_bicubic_pillow(frame, plan.resized.width, plan.resized.height), 0, plan.top,
              plan.cut.width, plan.cut.height);
}

std::string_view name_of(View view) { return name_in<View>(kViews, view); }

View view_from_name(std::string_view name) {
  return choice_of<View>(kViews, "--view", std::string(name));
}

SignedImage apply_view(const ImageU8& frame, View view, ImageSize out, ImageSize depth) {
  check(frame.size(), out);
  switch (view) {
    case View::kNative: return resize_cover_crop(to_signed(to_unit(frame)), out);
    case View::kStretch: return resize_bilinear(to_signed(to_unit(frame)), out.width, out.height);
    case View::kSpatial: return resize_cover_crop(to_signed(to_unit(spatial_frame(frame))), out);
    case View::kMllm:
    case View::kCenterCrop: break;
  }
  return from_square(square_of(frame, view, depth), out);
}

bool above_mid_grey(const ImageU8& frame, View view, ImageSize depth) {
  check(frame.size(), {kSquare, kSquare});
  const ImageU8 square = square_of(frame, view, depth);
  return std::all_of(square.rgb.begin(), square.rgb.end(), [](int level) { return level >= 128; });
}

Affine view_to_source(View view, ImageSize source, ImageSize out, ImageSize depth) {
  check(source, out);
  const AxisMaps maps = source_maps(view, source, out, depth);
  return {maps.x.scale, 0, maps.x.offset, 0, maps.y.scale, maps.y.offset};
}

Affine cell_to_px(View view, ImageSize source, ImageSize out, ImageSize depth, int grid_w,
                  int grid_h) {
  check(source, out);
  if (grid_w < 1 || grid_h < 1) {
    throw InputError(explain("grid", to_string(ImageSize{grid_w, grid_h}), "at least 1x1"));
  }
  const AxisMaps maps = source_maps(view, source, out, depth);
  const AxisMap x = then(unresize(out.width, grid_w), maps.x);
  const AxisMap y = then(unresize(out.height, grid_h), maps.y);
  return {x.scale, 0, x.offset, 0, y.scale, y.offset};
}

std::vector<float> mean_cells(const SignedImage& image, int grid_h, int grid_w) {
  check(image.size(), {grid_w, grid_h});
  const auto begin = [](int i, int n, int g) { return static_cast<int>(std::int64_t{i} * n / g); };
  const auto end = [](int i, int n, int g) {
    return static_cast<int>((std::int64_t{i + 1} * n + g - 1) / g);
  };
  std::vector<float> cells;
  cells.reserve(3 * std::size_t(grid_h) * std::size_t(grid_w));
  for (int row = 0; row < grid_h; ++row) {
    const int y0 = begin(row, image.height, grid_h), y1 = end(row, image.height, grid_h);
    for (int col = 0; col < grid_w; ++col) {
      const int x0 = begin(col, image.width, grid_w), x1 = end(col, image.width, grid_w);
      for (std::size_t c = 0; c < 3; ++c) {
        double sum = 0;
        for (int y = y0; y < y1; ++y) {
          const float* from =
              image.chw.data() + c * image.plane() + std::size_t(y) * std::size_t(image.width);
          for (int x = x0; x < x1; ++x) sum += from[x];
        }
        const double mean = sum / (double(y1 - y0) * (x1 - x0));
        cells.push_back(static_cast<float>((mean + 1.0) / 2.0));
      }
    }
  }
  return cells;
}

}  // namespace vega
