// Points of cells against torch's own resizing and pooling (tests/golden/export_cells.py), and the
// two rules against each other where they must agree.
#include "geometry/cells.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/error.h"
#include "support/support.h"
#include "weights/safetensors.h"

using namespace vega;

namespace {

const TensorSet& goldens() {
  static const TensorSet set = read_safetensors(test::golden("cells.safetensors"));
  return set;
}

template <typename T>
std::vector<T> values(const std::string& name) {
  const TensorView& view = goldens().at(name);
  std::vector<T> out(view.bytes() / sizeof(T));
  std::memcpy(out.data(), view.data, view.bytes());
  return out;
}

struct Case {
  ImageU16 depth;
  Intrinsics K{};
  Pose P{};
  int out_h, out_w, grid_h, grid_w;
};

Case golden_case(const std::string& name) {
  Case c;
  const TensorView& depth = goldens().at(name + ".depth");
  c.depth = ImageU16(static_cast<int>(depth.shape[1]), static_cast<int>(depth.shape[0]));
  const auto mm = values<std::int32_t>(name + ".depth");
  for (std::size_t i = 0; i < mm.size(); ++i) c.depth.v[i] = static_cast<std::uint16_t>(mm[i]);
  const auto K = values<double>(name + ".K"), P = values<double>(name + ".P");
  std::copy(K.begin(), K.end(), c.K.begin());
  std::copy(P.begin(), P.end(), c.P.begin());
  const auto size = values<std::int64_t>(name + ".size");
  c.out_h = static_cast<int>(size[0]);
  c.out_w = static_cast<int>(size[1]);
  c.grid_h = static_cast<int>(size[2]);
  c.grid_w = static_cast<int>(size[3]);
  return c;
}

// A plane at z = 2 m seen from the origin, 0.01 m a pixel.
ImageU16 plane(int width, int height) {
  ImageU16 depth(width, height);
  std::fill(depth.v.begin(), depth.v.end(), std::uint16_t{2000});
  return depth;
}
Intrinsics camera(int width, int height) {
  return {200, 0, (width - 1) / 2.0, 0, 200, (height - 1) / 2.0, 0, 0, 1};
}
constexpr Pose kIdentity = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};

}  // namespace

TEST_CASE("cells of the released crop equal torch's resizing and pooling") {
  for (const std::string name : {"wide", "high", "shrunk"}) {
    CAPTURE(name);
    const Case c = golden_case(name);
    const CellPoints got =
        crop_cells(c.depth, c.K, c.P, {c.out_w, c.out_h}, {c.grid_h, c.grid_w}, ZeroDepth::kKeep);
    const auto xyz = values<float>(name + ".xyz"), valid = values<float>(name + ".valid");
    REQUIRE(got.xyz.size() == xyz.size());
    REQUIRE(got.valid.size() == valid.size());
    // Points within 8 m, each float32 (half an ulp 2.4e-7 m) after a product of three terms.
    for (std::size_t i = 0; i < xyz.size(); ++i) CHECK(std::abs(got.xyz[i] - xyz[i]) < 4e-6F);
    for (std::size_t i = 0; i < valid.size(); ++i) CHECK(std::abs(got.valid[i] - valid[i]) < 1e-6F);
  }
}

TEST_CASE("pixels without depth stay out of a masked cell") {
  ImageU16 depth = plane(32, 24);
  for (int y = 0; y < 24; ++y) {
    for (int x = 0; x < 32; ++x) {
      if (x < 8 && y < 6) depth.v[static_cast<std::size_t>(y * 32 + x)] = 0;  // cell (0, 0): all
      if (x >= 8 && x < 12 && y < 6) depth.v[static_cast<std::size_t>(y * 32 + x)] = 0;  // half
    }
  }
  const auto keep =
      crop_cells(depth, camera(32, 24), kIdentity, {32, 24}, {4, 4}, ZeroDepth::kKeep);
  const auto mask =
      crop_cells(depth, camera(32, 24), kIdentity, {32, 24}, {4, 4}, ZeroDepth::kMask);
  CHECK(keep.valid[0] == 0);
  CHECK(keep.xyz[2] == 0);  // at the camera
  CHECK(std::isnan(mask.xyz[2]));
  CHECK(keep.valid[1] == 0.5F);
  CHECK(keep.xyz[5] == Approx(1.0));
  CHECK(mask.xyz[5] == Approx(2.0));
  CHECK(mask.valid[1] == 0.5F);
  CHECK(mask.xyz[8] == Approx(2.0));
}

TEST_CASE("pixels inside the cells: where the view shows the whole frame, both rules agree") {
  const ImageU16 depth = plane(64, 48);
  const Affine whole = {16, 0, 7.5, 0, 12, 5.5};  // 4x4 cells over 64x48
  const auto a =
      cell_points(depth, camera(64, 48), kIdentity, whole, {64, 48}, {4, 4}, ZeroDepth::kMask);
  const auto b = crop_cells(depth, camera(64, 48), kIdentity, {64, 48}, {4, 4}, ZeroDepth::kMask);
  REQUIRE(a.xyz.size() == b.xyz.size());
  for (std::size_t i = 0; i < a.xyz.size(); ++i) CHECK(a.xyz[i] == Approx(b.xyz[i]).margin(1e-6));
  // The centre of cell (0, 0) is pixel (7.5, 5.5): 24 pixels of 0.01 m left of the optical axis.
  CHECK(a.xyz[0] == Approx(-0.24));
  CHECK(a.xyz[1] == Approx(-0.18));
  for (const float share : a.valid) CHECK(share == 1);
}

TEST_CASE("a colour frame of another size, and cells beyond the frame") {
  const ImageU16 depth = plane(64, 48);
  // 4x4 cells over the right half of a colour frame of 128x96, and as much beyond its edge.
  const Affine half = {32, 0, 64 + 15.5, 0, 24, 11.5};
  const auto got =
      cell_points(depth, camera(64, 48), kIdentity, half, {128, 96}, {4, 4}, ZeroDepth::kMask);
  CHECK(got.xyz[0] == Approx(0.08));  // depth columns 32..47
  CHECK(got.valid[1] == 1);
  CHECK(got.valid[2] == 0);
  CHECK(std::isnan(got.xyz[6]));
  CHECK_THROWS_AS(cell_points(depth, camera(64, 48), kIdentity, {0, 0, 0, 0, 0, 0}, {128, 96},
                              {4, 4}, ZeroDepth::kMask),
                  InputError);
  CHECK_THROWS_AS(
      cell_points(depth, camera(64, 48), kIdentity, half, {0, 0}, {4, 4}, ZeroDepth::kMask),
      InputError);
  CHECK_THROWS_AS(crop_cells(depth, camera(64, 48), kIdentity, {64, 48}, {4, 0}, ZeroDepth::kMask),
                  InputError);
}
