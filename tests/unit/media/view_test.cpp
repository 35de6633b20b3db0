// The four views: what they are made of, and that cell_to_px points at the pixels they show.
#include <catch2/catch.hpp>

#include <cmath>

#include "base/error.h"
#include "goldens.h"
#include "media/resize.h"
#include "media/view.h"

using namespace vega;
using Catch::Matchers::Contains;

namespace {

const std::vector<View> kAllViews = {View::kMllm, View::kNative, View::kStretch, View::kCenterCrop,
                                     View::kSpatial};

double at_x(const Affine& a, double x) { return a[0] * x + a[2]; }
double at_y(const Affine& a, double y) { return a[4] * y + a[5]; }

// Red rises along x, green along y, in straight ramps of 0..255 from the first to the last pixel.
ImageU8 ramps(int w, int h) {
  ImageU8 image(w, h);
  for (int y = 0; y < h; ++y) {
    for (int x = 0; x < w; ++x) {
      image.row(y)[3 * x] = static_cast<std::uint8_t>(std::lround(255.0 * x / (w - 1)));
      image.row(y)[3 * x + 1] = static_cast<std::uint8_t>(std::lround(255.0 * y / (h - 1)));
      image.row(y)[3 * x + 2] = 128;
    }
  }
  return image;
}

}  // namespace

TEST_CASE("view names") {
  for (const View view : kAllViews) CHECK(view_from_name(name_of(view)) == view);
  CHECK(name_of(View::kCenterCrop) == "center_crop");
  CHECK_THROWS_AS(view_from_name("Mllm"), UsageError);
}

TEST_CASE("views are in -1..1 and of the asked size") {
  const ImageU8 frame = test::noise_image(80, 60, "view");
  for (const View view : kAllViews) {
    INFO(name_of(view));
    const SignedImage out = apply_view(frame, view, {48, 32});
    CHECK(out.size() == ImageSize{48, 32});
    const auto [low, high] = std::minmax_element(out.chw.begin(), out.chw.end());
    CHECK(*low >= -1.0F);
    CHECK(*high <= 1.0F);
    CHECK(*high - *low > 0.5F);
  }
}

TEST_CASE("mllm at 384x384 is the squashed picture itself") {
  const ImageU8 frame = test::mixed_image(640, 480, "mllm");
  const ImageU8 square = resize_bicubic_pillow(frame, 384, 384);
  const SignedImage out = apply_view(frame, View::kMllm, {384, 384});
  // (x/255 - 0.5)/0.5, then (x + 1)/2 and 2x - 1, each rounded to float32.
  const std::size_t plane = out.plane();
  for (std::size_t i = 0; i < plane; i += 97) {
    for (std::size_t c = 0; c < 3; ++c) {
      const float unit = static_cast<float>(square.rgb[3 * i + c] * (1.0 / 255.0));
      const float processed = (unit - 0.5F) / 0.5F;
      const float back = (processed + 1.0F) / 2.0F;
      REQUIRE(out.chw[c * plane + i] == 2.0F * back - 1.0F);
    }
  }
}

TEST_CASE("stretch and native are bilinear of the original frame") {
  const ImageU8 frame = test::noise_image(50, 40, "native");
  const SignedImage whole = to_signed(to_unit(frame));
  CHECK(apply_view(frame, View::kStretch, {32, 48}).chw == resize_bilinear(whole, 32, 48).chw);
  CHECK(apply_view(frame, View::kNative, {32, 48}).chw == resize_cover_crop(whole, {32, 48}).chw);
}

TEST_CASE("center_crop takes the middle columns in the depth's shape") {
  const ImageU8 frame = test::mixed_image(1296, 968, "crop");
  const SignedImage out = apply_view(frame, View::kCenterCrop, {384, 384}, {640, 480});
  const ImageU8 tall = resize_bicubic_pillow(frame, 512, 384);
  const SignedImage expected = to_signed(to_unit(crop(tall, 64, 0, 384, 384)));
  float worst = 0;  // the detour over 0..1 costs one rounding at most
  for (std::size_t i = 0; i < out.chw.size(); ++i) {
    worst = std::max(worst, std::abs(out.chw[i] - expected.chw[i]));
  }
  CHECK(worst <= 0x1p-23F);
  // Without depth the frame's own shape counts: int(1296 * 384 / 968) = 514.
  const SignedImage own = apply_view(frame, View::kCenterCrop, {384, 384});
  CHECK(own.chw != out.chw);
  const Affine map = view_to_source(View::kCenterCrop, {1296, 968}, {384, 384});
  CHECK(map[0] == Approx(1296.0 / 514));
  CHECK(at_x(map, 0) == Approx((65 + 0.5) * 1296 / 514 - 0.5));
  // The advice holds for every backbone: siglip refuses native and stretch.
  CHECK_THROWS_WITH(apply_view(test::noise_image(30, 40, "p"), View::kCenterCrop, {16, 16}),
                    Contains("--view mllm") && !Contains("stretch"));
}

TEST_CASE("spatial is 518 pixels wide, cut to multiples of 28") {
  const ImageU8 frame = test::noise_image(64, 48, "spatial");
  const ImageU8 cut = spatial_frame(frame);
  CHECK(cut.rgb == crop(resize_bicubic_pillow(frame, 518, 392), 0, 0, 504, 392).rgb);
  CHECK(apply_view(frame, View::kSpatial, {504, 392}).chw == to_signed(to_unit(cut)).chw);
  CHECK(apply_view(frame, View::kSpatial, {96, 64}).chw ==
        resize_cover_crop(to_signed(to_unit(cut)), {96, 64}).chw);
  const Affine wide = view_to_source(View::kSpatial, {640, 480}, {504, 392});
  CHECK(wide[0] == Approx(640.0 / 518));
  CHECK(at_y(wide, 391.5) == Approx(479.5));
  // Of an upright frame, 518x686, the middle 518 rows, of which the last 14 are lost.
  CHECK(plan_spatial({480, 640}).cut == ImageSize{504, 504});
  const Affine tall = view_to_source(View::kSpatial, {480, 640}, {504, 504});
  CHECK(at_y(tall, -0.5) == Approx(84.0 * 640 / 686 - 0.5));
}

TEST_CASE("a frame without a sample below mid-grey, as the language model sees it") {
  ImageU8 image(768, 384);
  std::fill(image.rgb.begin(), image.rgb.end(), std::uint8_t{128});
  CHECK(above_mid_grey(image, View::kMllm));
  CHECK(above_mid_grey(image, View::kCenterCrop));
  for (int x = 0; x < 16; ++x) {  // a dark spot at the left edge, which the crop leaves out
    for (int y = 0; y < 16; ++y) image.row(y)[3 * x + 2] = 100;
  }
  CHECK_FALSE(above_mid_grey(image, View::kMllm));
  CHECK(above_mid_grey(image, View::kCenterCrop));
}

// A ramp picture shows its own coordinate: the view's pixel (x, y) must have the colour that the
// ramp has at view_to_source(x, y). Bound of one pixel: half a grey level when the ramp is drawn,
// half for each of the two 8-bit resizes, half a level of slack; levels are 2/255 apart. These
// roundings cancel in the mean, which may be off by a tenth of a source pixel only: half a pixel,
// the usual mistake, is caught. Borders are left out (there every resize repeats pixels).
TEST_CASE("view_to_source points at the pixel that is shown") {
  const double bound = 2.0 * 2 / 255;
  for (const auto& source : {ImageSize{640, 480}, {1296, 968}, {300, 200}}) {
    const ImageU8 frame = ramps(source.width, source.height);
    for (const auto& out : {ImageSize{208, 120}, {96, 160}, {384, 384}}) {
      for (const View view : kAllViews) {
        INFO(name_of(view) << " " << to_string(source) << " to " << to_string(out));
        const ImageSize depth = source.width == 1296 ? ImageSize{640, 480} : ImageSize{};
        const SignedImage image = apply_view(frame, view, out, depth);
        const Affine map = view_to_source(view, source, out, depth);
        double worst = 0, mean_x = 0, mean_y = 0;
        int compared = 0;
        for (int y = 0; y < out.height; ++y) {
          for (int x = 0; x < out.width; ++x) {
            const double u = at_x(map, x), v = at_y(map, y);
            const double edge = 8;
            if (u < edge || v < edge || u > source.width - 1 - edge ||
                v > source.height - 1 - edge) {
              continue;
            }
            const std::size_t i = std::size_t(y) * std::size_t(out.width) + std::size_t(x);
            const double du = image.chw[i] - (2 * u / (source.width - 1) - 1);
            const double dv = image.chw[image.plane() + i] - (2 * v / (source.height - 1) - 1);
            worst = std::max({worst, std::abs(du), std::abs(dv)});
            mean_x += du * (source.width - 1) / 2;  // in source pixels
            mean_y += dv * (source.height - 1) / 2;
            ++compared;
          }
        }
        CHECK(compared > out.width * out.height * 8 / 10);
        CHECK(worst < bound);
        // spatial rounds to 8 bits where the picture is 518 pixels wide: a tenth of such a pixel.
        // (Pillow, numpy: without that rounding the mean of 1296x968 to 96x160 is 0.0000 source
        // pixels off, with it 0.1011.)
        const double tenth =
            view == View::kSpatial ? 0.1 * std::max(1.0, source.width / 518.0) : 0.1;
        CHECK(std::abs(mean_x / compared) < tenth);
        CHECK(std::abs(mean_y / compared) < tenth);
      }
    }
  }
}

// A cell's centre by cell_to_px is the mean of the source coordinates of its pixels when the grid
// divides the picture.
TEST_CASE("cell_to_px is the middle of the cell's pixels") {
  for (const View view : kAllViews) {
    INFO(name_of(view));
    const ImageSize source{640, 480}, out{112, 56}, depth{320, 240};
    const Affine px = view_to_source(view, source, out, depth);
    const Affine cell = cell_to_px(view, source, out, depth, 14, 7);
    for (int c : {0, 5, 13}) {
      double sum = 0;
      for (int x = 8 * c; x < 8 * c + 8; ++x) sum += at_x(px, x);
      CHECK(at_x(cell, c) == Approx(sum / 8).epsilon(1e-12));
    }
    for (int r : {0, 3, 6}) {
      double sum = 0;
      for (int y = 8 * r; y < 8 * r + 8; ++y) sum += at_y(px, y);
      CHECK(at_y(cell, r) == Approx(sum / 8).epsilon(1e-12));
    }
    CHECK(cell[1] == 0);
    CHECK(cell[3] == 0);
  }
  // stretch by hand: cell 0 of 14 over 640 pixels covers pixel edges 0 .. 45.714.
  const Affine cell = cell_to_px(View::kStretch, {640, 480}, {832, 480}, {}, 14, 14);
  CHECK(at_x(cell, 0) == Approx(640.0 / 28 - 0.5));
  CHECK(at_y(cell, 13) == Approx(480.0 - 480.0 / 28 - 0.5));
  // mllm at 832x480: rows 176 .. 656 of 832, so 57.7 % of the frame's height.
  const Affine crop = cell_to_px(View::kMllm, {640, 480}, {832, 480}, {}, 1, 1);
  CHECK(crop[4] == Approx(480.0 * 480 / 832));
  CHECK(at_y(crop, 0) == Approx(239.5));
  CHECK(at_x(crop, 0) == Approx(319.5));
}

// The mean colour of a ramp over a cell is the ramp at the cell's centre: rgb tokens and
// cell_to_px agree.
TEST_CASE("mean_cells shows the colour at cell_to_px") {
  const ImageU8 frame = ramps(640, 480);
  for (const View view : kAllViews) {
    INFO(name_of(view));
    const ImageSize out{448, 224};
    const SignedImage image = apply_view(frame, view, out);
    const auto cells = mean_cells(image, 14, 14);
    REQUIRE(cells.size() == 14 * 14 * 3);
    const Affine map = cell_to_px(view, frame.size(), out, {}, 14, 14);
    for (int r = 1; r < 13; ++r) {
      for (int c = 1; c < 13; ++c) {
        const float* cell = cells.data() + 3 * (14 * r + c);
        REQUIRE(cell[0] == Approx(at_x(map, c) / 639).margin(2.0 / 255));
        REQUIRE(cell[1] == Approx(at_y(map, r) / 479).margin(2.0 / 255));
        REQUIRE(cell[2] == Approx(128.0 / 255).margin(0.01 / 255));
      }
    }
  }
}

TEST_CASE("mean_cells uses adaptive windows") {
  SignedImage image(5, 3);
  for (std::size_t i = 0; i < image.chw.size(); ++i) {
    image.chw[i] = static_cast<float>(i % 15) / 32.0F - 0.25F;  // exact in float32
  }
  const auto cells = mean_cells(image, 2, 4);
  // Rows of 3 in two windows: 0..2, 1..3. Columns of 5 in four: 0..2, 1..3, 2..4, 3..5.
  for (int r = 0; r < 2; ++r) {
    for (int c = 0; c < 4; ++c) {
      double sum = 0;
      for (int y = r; y < r + 2; ++y) {
        for (int x = c; x < c + 2; ++x) sum += image.chw[std::size_t(5 * y + x)];
      }
      CHECK(cells[std::size_t(3 * (4 * r + c))] == static_cast<float>((sum / 4 + 1) / 2));
    }
  }
  // A grid finer than the picture repeats pixels.
  const auto fine = mean_cells(image, 3, 10);
  CHECK(fine[0] == fine[3]);
  CHECK_THROWS_AS(mean_cells(image, 0, 4), InputError);
  CHECK_THROWS_AS(mean_cells(SignedImage{}, 2, 2), InputError);
}
