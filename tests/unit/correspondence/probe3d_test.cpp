#include "correspondence/probe3d.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <numbers>
#include <random>

#include "base/error.h"

using namespace vega;

namespace {

constexpr double kDegree = std::numbers::pi / 180;

// A camera that looks along z at the tilted wall z = 3 + 0.4 x - 0.2 y m; the features of a cell
// are sines of the world point it shows.
struct Camera {
  std::int64_t h = 24, w = 32, channels = 64;
  std::array<double, 9> K = {30, 0, 16, 0, 28, 12, 0, 0, 1};
  std::array<double, 16> pose = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};
  std::vector<float> depth, features;

  Camera(double turn_deg, double x, double y) {
    const double c = std::cos(turn_deg * kDegree), s = std::sin(turn_deg * kDegree);
    pose = {c, -s, 0, x, s, c, 0, y, 0, 0, 1, 0, 0, 0, 0, 1};
    for (std::int64_t v = 0; v < h; ++v) {
      for (std::int64_t u = 0; u < w; ++u) render(double(u) + 0.5, double(v) + 0.5);
    }
  }

  void render(double u, double v) {
    const double rx = (u - K[2]) / K[0], ry = (v - K[5]) / K[4];
    const double wx = pose[0] * rx + pose[1] * ry, wy = pose[4] * rx + pose[5] * ry;
    // z = 3 + 0.4 (x + z wx) - 0.2 (y + z wy)
    const double z = (3 + 0.4 * pose[3] - 0.2 * pose[7]) / (1 - 0.4 * wx + 0.2 * wy);
    depth.push_back(static_cast<float>(z));
    const std::array<double, 2> p = {pose[3] + z * wx, pose[7] + z * wy};
    for (std::int64_t k = 0; k < channels; ++k) {
      const double a = 5 * std::cos(0.7 * double(k)), b = 5 * std::sin(1.3 * double(k));
      features.push_back(static_cast<float>(std::sin(a * p[0] + b * p[1] + double(k))));
    }
  }

  ProbeImage image() const {
    return {h, w, depth, K, pose, h, w, channels, features, {1, 0, -0.5, 0, 1, -0.5}};
  }
  ProbePoints points(std::int64_t most = 0) const { return probe_points(image(), most, 42); }
};

}  // namespace

TEST_CASE("the working picture is every fourth pixel") {
  std::vector<std::uint16_t> depth(9 * 13);
  for (std::size_t i = 0; i < depth.size(); ++i) depth[i] = static_cast<std::uint16_t>(i * 10);
  const std::vector<float> small = working_depth(depth, 9, 13);
  REQUIRE(small.size() == 2 * 3);
  CHECK(small[0] == 0);
  CHECK(small[2] == Approx(0.08));
  CHECK(small[4] == Approx(0.56));  // (4, 4)
  CHECK(working_intrinsics({577, 0, 320, 0, 578, 240, 0, 0, 1})[2] == 80);
  CHECK(working_intrinsics({577, 0, 320, 0, 578, 240, 0, 0, 1})[8] == 1);
  CHECK_THROWS_AS(working_depth(depth, 9, 14), InputError);
}

TEST_CASE("pixels to cells through the view") {
  // A colour frame of 1280 x 960, cells of 80 x 64 pixels whose first centre is at (119.5, 31.5).
  const Affine m = cell_from_working({80, 0, 119.5, 0, 64, 31.5}, {1280, 960}, 120, 160);
  const auto cell = [&](double u, double v) {
    return std::array{m[0] * u + m[1] * v + m[2], m[3] * u + m[4] * v + m[5]};
  };
  // Working pixels are 8 x 8 colour pixels: continuous (15, 4) is the colour position (120, 32),
  // the point between pixels 119 and 120.
  CHECK(cell(15, 4)[0] == Approx(0).margin(1e-12));
  CHECK(cell(15, 4)[1] == Approx(0).margin(1e-12));
  CHECK(cell(25, 12)[0] == Approx(1));
  CHECK(cell(25, 12)[1] == Approx(1));
  CHECK_THROWS_AS(cell_from_working({0, 0, 1, 0, 64, 1}, {1280, 960}, 120, 160), InputError);
  CHECK_THROWS_AS(cell_from_working({80, 0, NAN, 0, 64, 1}, {1280, 960}, 120, 160), InputError);
}

TEST_CASE("points: back-projected pixel centres with bilinear features") {
  Camera camera(0, 0, 0);
  camera.depth[5] = 0;
  camera.depth[6] = NAN;
  camera.features[static_cast<std::size_t>(40 * 64)] = NAN;
  const ProbePoints got = camera.points();
  CHECK(got.size() == 24 * 32 - 3);
  CHECK(got.not_finite == 1);
  CHECK(got.pixel[5] == 7);
  const double z = camera.depth[7];
  CHECK(got.camera[3 * 5] == Approx(z * (7.5 - 16) / 30));
  CHECK(got.camera[3 * 5 + 1] == Approx(z * (0.5 - 12) / 28));
  CHECK(got.camera[3 * 5 + 2] == Approx(z));
  double norm = 0;
  for (int k = 0; k < 64; ++k) norm += std::pow(camera.features[std::size_t(7 * 64 + k)], 2);
  CHECK(got.unit[5 * 64 + 3] == Approx(camera.features[7 * 64 + 3] / std::sqrt(norm)));

  // A 2 x 2 grid of two channels over the middle of a 4 x 4 picture: cells of 1.5 pixels.
  const std::vector<float> depth(16, 1), features = {1, 0, 0, 1, 0, 1, 1, 0};
  const ProbeImage image{4,           4,
                         depth,       {1, 0, 2, 0, 1, 2, 0, 0, 1},
                         camera.pose, 2,
                         2,           2,
                         features,    {1 / 1.5, 0, -0.5 - 0.5 / 1.5, 0, 1 / 1.5, -0.5 - 0.5 / 1.5}};
  const ProbePoints crop = probe_points(image, 0, 1);
  // Pixel centres 0.5, 1.5, 2.5, 3.5 lie at cells -0.5, 1/6, 5/6, 1.5: all on the grid's area.
  REQUIRE(crop.size() == 16);
  CHECK(crop.unit[0] == Approx(1));  // the border cell alone
  // (1/6, 1/6): channel 0 is 25/36 + 1/36, channel 1 the rest.
  const double a = 26.0 / 36, b = 10.0 / 36, n = std::hypot(a, b);
  CHECK(crop.unit[2 * 5] == Approx(a / n).epsilon(1e-6));
  CHECK(crop.unit[2 * 5 + 1] == Approx(b / n).epsilon(1e-6));
  ProbeImage shifted = image;
  shifted.cell_from_pixel[2] -= 0.1;  // the first column leaves
  CHECK(probe_points(shifted, 0, 1).outside == 4);
}

TEST_CASE("sub-samples are seeded, in order, and of the asked size") {
  const Camera camera(0, 0, 0);
  const ProbePoints a = camera.points(100);
  REQUIRE(a.size() == 100);
  CHECK(std::is_sorted(a.pixel.begin(), a.pixel.end()));
  CHECK(std::adjacent_find(a.pixel.begin(), a.pixel.end()) == a.pixel.end());
  CHECK(a.pixel == probe_points(camera.image(), 100, 42, 7).pixel);
  CHECK(a.pixel != probe_points(camera.image(), 100, 43).pixel);
  CHECK(camera.points(1000000).size() == 24 * 32);
}

TEST_CASE("the same picture matches itself") {
  const Camera camera(0, 0, 0);
  const ProbePair got = probe_pair(camera.points(), camera.points());
  CHECK(got.kept == 24 * 32);  // below 1000
  CHECK(got.within_px[0] == got.kept);
  CHECK(got.within_m[0] == got.kept);
  CHECK(got.angle_deg == Approx(0).margin(1e-5));
  CHECK(depth_overlap(camera.image(), camera.image()) == 1);
}

TEST_CASE("a turned and moved camera") {
  const Camera a(0, 0, 0), b(20, 0.15, -0.1);
  const ProbePair got = probe_pair(a.points(), b.points(), {.keep = 200});
  CHECK(got.angle_deg == Approx(20));
  CHECK(got.kept == 200);
  // Neighbouring pixels are 0.1 m apart, so the nearest of the right ones is within 0.1 m and 2 px.
  CHECK(double(got.within_px[0]) / 200 > 0.97);
  CHECK(double(got.within_m[2]) / 200 > 0.97);
  CHECK(got.within_m[0] <= got.within_m[1]);
  const double overlap = depth_overlap(a.image(), b.image());
  CHECK(overlap > 0.5);
  CHECK(overlap < 1);
  // Without the right pose the same matches are wrong.
  ProbePoints wrong = b.points();
  wrong.world_from_cam[3] += 2;
  CHECK(probe_pair(a.points(), wrong, {.keep = 200}).within_m[2] < 20);
  // Threads change nothing.
  const ProbePair threads = probe_pair(a.points(), b.points(), {.keep = 200, .threads = 7});
  CHECK(threads.within_px == got.within_px);
  CHECK(threads.within_m == got.within_m);
}

TEST_CASE("errors equal a brute force, with and without the ratio test") {
  const Camera a(0, 0, 0), b(-35, 0.2, 0.3);
  const ProbePoints pa = a.points(150), pb = b.points(130);
  const bool ratio = GENERATE(true, false);
  std::vector<std::array<double, 3>> judged;  // weight, px, m
  for (std::int64_t i = 0; i < pa.size(); ++i) {
    std::vector<std::pair<double, std::int64_t>> distance;
    for (std::int64_t j = 0; j < pb.size(); ++j) {
      double cosine = 0;
      for (std::int64_t k = 0; k < 64; ++k) {
        cosine += double(pa.unit[std::size_t(i * 64 + k)]) * pb.unit[std::size_t(j * 64 + k)];
      }
      distance.push_back({1 - cosine, j});
    }
    std::sort(distance.begin(), distance.end());
    const double* p = &pa.camera[std::size_t(3 * i)];
    const double* q = &pb.camera[std::size_t(3 * distance[0].second)];
    // inverse(pose b) (pose a p): a rotation about z and a move within the plane
    const double x = p[0] - b.pose[3], y = p[1] - b.pose[7];
    const std::array<double, 3> t = {b.pose[0] * x + b.pose[4] * y, b.pose[1] * x + b.pose[5] * y,
                                     p[2]};
    const double px =
        std::hypot(30 * (t[0] / t[2] - q[0] / q[2]), 28 * (t[1] / t[2] - q[1] / q[2]));
    const double m = std::hypot(t[0] - q[0], t[1] - q[1], t[2] - q[2]);
    judged.push_back(
        {ratio ? 1 - distance[0].first / distance[1].first : -distance[0].first, px, m});
  }
  std::stable_sort(judged.begin(), judged.end(),
                   [](const auto& x, const auto& y) { return x[0] > y[0]; });
  judged.resize(60);
  const ProbePair got = probe_pair(pa, pb, {.keep = 60, .ratio_test = ratio});
  for (std::size_t t = 0; t < 3; ++t) {
    CHECK(got.within_px[t] == std::count_if(judged.begin(), judged.end(),
                                            [t](const auto& j) { return j[1] < kProbe_px[t]; }));
  }
  for (std::size_t t = 0; t < 4; ++t) {
    CHECK(got.within_m[t] == std::count_if(judged.begin(), judged.end(),
                                           [t](const auto& j) { return j[2] < kProbe_m[t]; }));
  }
}

TEST_CASE("overlap: depths that agree, the smaller of both directions") {
  const Camera a(0, 0, 0);
  Camera off(0, 0, 0);
  for (float& z : off.depth) z += 0.2F;
  CHECK(depth_overlap(a.image(), off.image()) == 0);
  CHECK(depth_overlap(a.image(), off.image(), 0.3) == 1);
  Camera half(0, 0, 0);
  for (std::size_t i = 0; i < half.depth.size(); i += 2) half.depth[i] = 0;
  CHECK(depth_overlap(a.image(), half.image()) == 0.5);
  CHECK(depth_overlap(half.image(), a.image()) == 0.5);
  half.depth.pop_back();
  CHECK_THROWS_AS(depth_overlap(a.image(), half.image()), InputError);
}

TEST_CASE("behind the camera, no points, other channels") {
  const Camera a(0, 0, 0);
  ProbePoints behind = a.points();
  behind.world_from_cam = {-1, 0, 0, 0, 0, 1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1};  // half a turn
  const ProbePair turned = probe_pair(a.points(), behind);
  CHECK(turned.angle_deg == Approx(180));
  CHECK(turned.within_px[2] == 0);
  CHECK(turned.kept > 0);
  CHECK(depth_overlap(a.image(), [&] {
          ProbeImage image = a.image();
          image.world_from_cam = behind.world_from_cam;
          return image;
        }()) == 0);
  Camera blank(0, 0, 0);
  std::fill(blank.depth.begin(), blank.depth.end(), 0.0F);
  CHECK(probe_pair(a.points(), blank.points()).kept == 0);
  CHECK(depth_overlap(a.image(), blank.image()) == 0);
  ProbePoints narrow = a.points();
  narrow.channels = 32;
  CHECK_THROWS_AS(probe_pair(a.points(), narrow), InputError);
  behind.world_from_cam.fill(0);
  CHECK_THROWS_AS(probe_pair(a.points(), behind), InputError);
  ProbeImage unknown = a.image();
  unknown.world_from_cam[3] = NAN;
  CHECK_THROWS_AS(probe_points(unknown, 0, 1), InputError);
}

TEST_CASE("bins and pooling") {
  const auto pair = [](double angle, double overlap, std::int64_t kept, std::int64_t px,
                       std::int64_t m) {
    return ProbePair{0, 1, angle, overlap, kept, kept, kept, {0, px, px}, {0, m, m, m}};
  };
  const std::vector<ProbePair> pairs = {pair(0, 0.5, 100, 50, 20), pair(14.9, 0.2, 300, 300, 30),
                                        pair(15, 0.8, 10, 1, 0), pair(180, 1, 0, 0, 0),
                                        pair(59, NAN, 90, 9, 9)};
  const ProbeSummary got = probe_summary(pairs);
  CHECK(got.pairs == 5);
  CHECK(got.kept == 500);
  CHECK(got.recall_px[1] == Approx(360.0 / 500));
  CHECK(got.recall_m[3] == Approx(59.0 / 500));
  CHECK(got.by_angle[0].pairs == 2);
  CHECK(got.by_angle[0].recall_px[1] == Approx(0.75));  // of pairs, not of matches
  CHECK(got.by_angle[1].pairs == 1);
  CHECK(got.by_angle[2].recall_m[1] == Approx(0.1));
  CHECK(got.by_angle[3].pairs == 1);
  CHECK(std::isnan(got.by_angle[3].recall_px[1]));  // a pair without a match
  CHECK(got.by_overlap[0].pairs == 0);
  CHECK(std::isnan(got.by_overlap[0].recall_px[0]));
  CHECK(got.by_overlap[1].pairs == 1);
  CHECK(got.by_overlap[4].pairs == 2);
  CHECK(std::isnan(probe_summary({}).recall_px[0]));
}

TEST_CASE("fallback pairs") {
  std::vector<double> overlap(20 * 20, 0.5);
  overlap[1] = 0.05;
  overlap[2] = 0.81;
  overlap[3] = NAN;
  const auto all = choose_pairs(overlap, 20, 0.1, 0.8, 0, 42);
  CHECK(all.size() == 190 - 3);
  CHECK(all.front() == std::pair<std::int64_t, std::int64_t>{0, 4});
  const auto some = choose_pairs(overlap, 20, 0.1, 0.8, 15, 42);
  REQUIRE(some.size() == 15);
  CHECK(std::is_sorted(some.begin(), some.end()));
  CHECK(std::includes(all.begin(), all.end(), some.begin(), some.end()));
  CHECK(some != choose_pairs(overlap, 20, 0.1, 0.8, 15, 43));
  CHECK_THROWS_AS(choose_pairs(overlap, 19, 0.1, 0.8, 15, 43), InputError);
}
