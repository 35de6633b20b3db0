// lib/geometry against the release's arithmetic in torch (tests/golden/export_geometry.py).
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/dtype.h"
#include "base/error.h"
#include "geometry/patches.h"
#include "geometry/sine3d.h"
#include "support/support.h"
#include "weights/safetensors.h"

using namespace vega;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

const TensorSet& golden_file() {
  static const TensorSet set = read_safetensors(test::golden("geometry.safetensors"));
  return set;
}

template <typename T>
std::vector<T> golden_values(const std::string& name) {
  const TensorView& view = golden_file().at(name);
  REQUIRE(view.bytes() % sizeof(T) == 0);
  std::vector<T> out(view.bytes() / sizeof(T));
  std::memcpy(out.data(), view.data, view.bytes());
  return out;
}

// Elements that differ, NaN equal to NaN.
template <typename T>
std::size_t differing(const std::vector<T>& a, const std::vector<T>& b) {
  REQUIRE(a.size() == b.size());
  std::size_t count = 0;
  for (std::size_t i = 0; i < a.size(); ++i) count += a[i] == b[i] ? 0 : 1;
  return count;
}

struct Golden {
  std::vector<ImageU16> depth;
  Intrinsics K{};
  std::vector<Pose> aligned;
};

Golden scene() {
  Golden g;
  const auto mm = golden_values<std::int32_t>("depth");
  const auto K = golden_values<double>("K"), align = golden_values<double>("axis_align"),
             poses = golden_values<double>("world_from_cam");
  std::copy(K.begin(), K.end(), g.K.begin());
  Pose a{};
  std::copy(align.begin(), align.end(), a.begin());
  for (std::size_t v = 0; v < 2; ++v) {
    ImageU16 image(64, 48);
    for (std::size_t i = 0; i < image.v.size(); ++i)
      image.v[i] = static_cast<std::uint16_t>(mm[v * image.v.size() + i]);
    g.depth.push_back(std::move(image));
    Pose p{};
    std::copy_n(poses.begin() + static_cast<std::ptrdiff_t>(16 * v), 16, p.begin());
    g.aligned.push_back(multiply(a, p));
  }
  return g;
}

// Maps of 384x384, as patches are made of.
std::vector<PointMap> maps(const Golden& g) {
  std::vector<PointMap> out;
  const auto grid = coordinate_grid({64, 48}, CoordinateView::kResize);
  for (std::size_t v = 0; v < 2; ++v) out.push_back(unproject(g.depth[v], g.K, g.aligned[v], grid));
  return out;
}

template <typename Make>
std::vector<float> both(Make make) {
  std::vector<float> out;
  for (const PointMap& map : maps(scene())) {
    const auto one = make(map);
    out.insert(out.end(), one.begin(), one.end());
  }
  return out;
}

}  // namespace

TEST_CASE("unprojection equals the release's, element by element") {
  const Golden g = scene();
  std::vector<float> got;
  for (std::size_t v = 0; v < 2; ++v) {
    const auto map = unproject(g.depth[v], g.K, g.aligned[v], every_pixel({64, 48}));
    got.insert(got.end(), map.xyz.begin(), map.xyz.end());
    for (std::size_t p = 0; p < map.valid.size(); ++p)
      REQUIRE((map.valid[p] != 0) == (g.depth[v].v[p] != 0));
  }
  CHECK(differing(got, golden_values<float>("world")) == 0);
}

TEST_CASE("the nearest resize is OpenCV's") {
  CHECK(nearest_indices(480, 384) == golden_values<int>("nearest.480"));
  CHECK(nearest_indices(640, 384) == golden_values<int>("nearest.640"));
  const std::pair<int, int> sizes[] = {{640, 512}, {968, 384}, {1296, 384}, {47, 31}, {31, 47}};
  for (const auto& [src, dst] : sizes) {
    const std::string name = "nearest." + std::to_string(src) + "." + std::to_string(dst);
    CHECK(nearest_indices(src, dst) == golden_values<int>(name));
  }
  // An 8-bit picture of 33 x 47.
  const auto picture = golden_values<std::uint8_t>("opencv.in");
  for (const auto& [width, height] : {std::pair{29, 20}, {64, 50}, {384, 3}}) {
    std::vector<std::uint8_t> got;
    for (const int y : nearest_indices(33, height)) {
      for (const int x : nearest_indices(47, width)) {
        const auto* pixel = &picture[static_cast<std::size_t>(3 * (47 * y + x))];
        got.insert(got.end(), pixel, pixel + 3);
      }
    }
    const std::string name = "opencv." + std::to_string(width) + "x" + std::to_string(height);
    CHECK(differing(got, golden_values<std::uint8_t>(name)) == 0);
  }
  const auto crop = coordinate_grid({640, 480}, CoordinateView::kCenterCrop);
  REQUIRE(crop.column.size() == 384);
  CHECK(crop.column.front() == 80);  // floor(64 * 1.25)
  CHECK(crop.column.back() == 558);  // floor(447 * 1.25)
  CHECK_THROWS_AS(coordinate_grid({480, 640}, CoordinateView::kCenterCrop), InputError);
}

TEST_CASE("patch coordinates in bfloat16 are bit-exact") {
  for (const int cell : {27, 14}) {
    const auto got = both([&](const PointMap& map) {
      return average_patches(map, cell, GeometryType::kBf16, ZeroDepth::kKeep).xyz;
    });
    CHECK(differing(got, golden_values<float>("avg" + std::to_string(cell) + ".bf16")) == 0);
  }
  const std::pair<const char*, PointStrategy> strategies[] = {
      {"sample1.bf16", PointStrategy::kSample1},
      {"sample5.bf16", PointStrategy::kSample5},
      {"sample9.bf16", PointStrategy::kSample9},
      {"minmax.bf16", PointStrategy::kMinMax}};
  for (const auto& [name, strategy] : strategies) {
    const auto got = both([&, s = strategy](const PointMap& map) {
      return patch_points(map, s, GeometryType::kBf16, ZeroDepth::kKeep).xyz;
    });
    INFO(name);
    CHECK(differing(got, golden_values<float>(name)) == 0);
  }
}

TEST_CASE("patch coordinates in fp32 are the exact mean, rounded once") {
  for (const int cell : {27, 14}) {
    const auto got = both([&](const PointMap& map) {
      return average_patches(map, cell, GeometryType::kF32, ZeroDepth::kKeep).xyz;
    });
    const auto want = golden_values<double>("avg" + std::to_string(cell) + ".fp32");
    REQUIRE(got.size() == want.size());
    // Both sums are in double, in another order: at most the rounding to float32 apart.
    for (std::size_t i = 0; i < got.size(); ++i)
      REQUIRE(std::fabs(got[i] - want[i]) <= 0x1p-24 * std::fabs(want[i]) + 1e-12);
  }
}

TEST_CASE("pixels without depth: masked means, valid shares, NaN where nothing is left") {
  PointMap map{384, 384, std::vector<float>(3 * 384 * 384, 2.0F),
               std::vector<std::uint8_t>(384 * 384, 1)};
  for (int y = 0; y < 27; ++y) {
    for (int x = 0; x < 54; ++x) {
      const std::size_t p = static_cast<std::size_t>(y * 384 + x);
      if (x >= 27 && y >= 9) continue;  // a third of patch (0, 1) is lost, the whole of (0, 0)
      map.valid[p] = 0;
      std::fill_n(map.xyz.begin() + static_cast<std::ptrdiff_t>(3 * p), 3, -7.0F);
    }
  }
  const auto masked = average_patches(map, 27, GeometryType::kF32, ZeroDepth::kMask);
  CHECK(masked.valid[0] == 0.0F);
  CHECK(masked.valid[1] == 486.0F / 729.0F);
  CHECK(masked.valid[2] == 1.0F);
  CHECK(std::isnan(masked.xyz[0]));
  CHECK(masked.xyz[3] == 2.0F);
  const auto kept = average_patches(map, 27, GeometryType::kF32, ZeroDepth::kKeep);
  CHECK(kept.xyz[0] == -7.0F);
  CHECK(kept.xyz[3] == -1.0F);
  const auto low = patch_points(map, PointStrategy::kMinMax, GeometryType::kF32, ZeroDepth::kMask);
  CHECK(std::isnan(low.xyz[0]));
  CHECK(low.xyz[6] == 2.0F);
  const auto one = patch_points(map, PointStrategy::kSample1, GeometryType::kF32, ZeroDepth::kMask);
  CHECK(std::isnan(one.xyz[0]));
  CHECK(one.xyz[3] == 2.0F);
  const Box all{0, 0, 0, 100, 100, 100};
  const auto counts = box_counts(map, {&all, 1}, 27, GeometryType::kF32, ZeroDepth::kMask);
  CHECK(counts[0] == 0);
  CHECK(counts[1] == 486);
  CHECK(box_counts(map, {&all, 1}, 27, GeometryType::kF32, ZeroDepth::kKeep)[0] == 729);
  map.width = 300;
  CHECK_THROWS_AS(average_patches(map, 27, GeometryType::kF32, ZeroDepth::kKeep), InputError);
}

TEST_CASE("voxel indices are bit-exact in both types") {
  const auto in = golden_values<float>("discrete.in");
  for (const auto type : {GeometryType::kBf16, GeometryType::kF32}) {
    const auto got = voxel_triples(discretise(in, type));
    CHECK(differing(got, golden_values<std::int16_t>("discrete." + std::string(name_of(type)))) ==
          0);
  }
  const float lost[3] = {kNan, 1, kNan};
  CHECK(voxel_triples(discretise(lost, GeometryType::kBf16))[0] == -1);
}

TEST_CASE("the sine embedding in bfloat16 is bit-exact") {
  for (const auto& [points, width] : std::vector<std::pair<std::size_t, std::size_t>>{
           {1, 3584}, {2, 3584}, {5, 3584}, {9, 3584}, {1, 96}, {5, 100}}) {
    const std::string name = "sin3d." + std::to_string(width) + "." + std::to_string(points);
    INFO(name);
    const auto got =
        Sine3d(width, points).embed(golden_values<float>(name + ".in"), GeometryType::kBf16);
    std::vector<std::uint16_t> bits;
    for (const float value : got) bits.push_back(bf16_from_f32(value));
    CHECK(differing(bits, golden_values<std::uint16_t>(name + ".bf16")) == 0);
  }
}

TEST_CASE("the sine embedding of every voxel index is torch's, bit for bit") {
  for (const std::size_t points : {1, 2, 5, 9}) {
    std::vector<float> coords;
    for (int index = 0; index <= 300; ++index)
      coords.insert(coords.end(), 3 * points, static_cast<float>(index));
    std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
    for (const float value : Sine3d(3584, points).embed(coords, GeometryType::kBf16)) {
      const std::uint16_t bits = bf16_from_f32(value);
      for (const int byte : {bits & 255, bits >> 8})
        hash = (hash ^ static_cast<std::uint64_t>(byte)) * 0x100000001b3;
    }
    INFO(points);
    CHECK(hash == golden_values<std::uint64_t>("sin3d.every." + std::to_string(points)).at(0));
  }
}

TEST_CASE("the sine embedding in fp32") {
  const auto got = Sine3d(96).embed(golden_values<float>("sin3d.metres.in"), GeometryType::kF32);
  const auto want = golden_values<float>("sin3d.metres.fp32");
  REQUIRE(got.size() == want.size());
  // torch's sine is up to 1 ulp off, ours is the nearest: ulp of 1 at most.
  for (std::size_t i = 0; i < got.size(); ++i) REQUIRE(std::fabs(got[i] - want[i]) <= 0x1p-23F);
  for (const std::size_t points : {1, 2, 5, 9}) {
    const Sine3d sine(3584, points);
    const auto periods = golden_values<float>("periods." + std::to_string(points));
    REQUIRE(sine.periods().size() == periods.size());
    CHECK(differing({sine.periods().begin(), sine.periods().end()}, periods) == 0);
  }
  CHECK_THROWS_AS(Sine3d(5, 2), InputError);
  const float two[2] = {0, 0};
  CHECK_THROWS_AS(Sine3d(96).embed(two, GeometryType::kF32), InputError);
}

TEST_CASE("pixels in boxes equal the release's count") {
  const auto flat = golden_values<float>("boxes");
  std::vector<Box> boxes(4);
  for (std::size_t i = 0; i < flat.size(); ++i) boxes[i / 6][i % 6] = flat[i];
  const auto both_maps = maps(scene());
  for (const auto type : {GeometryType::kBf16, GeometryType::kF32}) {
    for (const int cell : {14, 27}) {
      const auto patches = static_cast<std::size_t>((378 / cell) * (378 / cell));
      std::vector<std::int16_t> got(boxes.size() * 2 * patches);
      for (std::size_t v = 0; v < 2; ++v) {
        const auto counts = box_counts(both_maps[v], boxes, cell, type, ZeroDepth::kKeep);
        for (std::size_t n = 0; n < boxes.size(); ++n) {
          for (std::size_t p = 0; p < patches; ++p)
            got[(2 * n + v) * patches + p] = static_cast<std::int16_t>(counts[n * patches + p]);
        }
      }
      const auto name = "counts" + std::to_string(cell) + "." + std::string(name_of(type));
      INFO(name);
      CHECK(differing(got, golden_values<std::int16_t>(name)) == 0);
      CHECK(std::any_of(got.begin(), got.end(), [](int n) { return n > 0; }));
    }
  }
}

TEST_CASE("unprojection refuses what has no meaning") {
  const ImageU16 depth(4, 3);
  const Intrinsics K{5, 0, 2, 0, 5, 1, 0, 0, 1};
  Pose P{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};
  CHECK(unproject(depth, K, P, every_pixel({4, 3})).xyz.size() == 36);
  CHECK_THROWS_AS(unproject(depth, K, P, every_pixel({5, 3})), InputError);
  Intrinsics flat = K;
  flat[0] = 0;
  CHECK_THROWS_AS(unproject(depth, flat, P, every_pixel({4, 3})), InputError);
  P[3] = std::numeric_limits<double>::infinity();
  CHECK_THROWS_AS(unproject(depth, K, P, every_pixel({4, 3})), InputError);
}
