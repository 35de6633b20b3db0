#include "correspondence/probe3d.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <string>

#include "base/error.h"
#include "base/philox.h"
#include "correspondence/nearest.h"
#include "correspondence/statistics.h"

namespace vega {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kLeastDistance = 1e-9;
using Point = std::array<double, 3>;

struct Rigid {
  std::array<double, 9> r;
  Point t;
  Point operator()(const Point& p) const {
    Point out = t;
    for (std::size_t i = 0; i < 3; ++i) {
      for (std::size_t k = 0; k < 3; ++k) out[i] += r[3 * i + k] * p[k];
    }
    return out;
  }
};

// inverse(to) x from, both camera to world.
Rigid relative(const Pose& from, const Pose& to) {
  const auto m = [&](std::size_t i, std::size_t k) { return to[4 * i + k]; };
  std::array<double, 9> inverse;
  double det = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    const std::size_t a = (i + 1) % 3, b = (i + 2) % 3;
    for (std::size_t k = 0; k < 3; ++k) {
      const std::size_t c = (k + 1) % 3, d = (k + 2) % 3;
      inverse[3 * k + i] = m(a, c) * m(b, d) - m(a, d) * m(b, c);
    }
  }
  for (std::size_t k = 0; k < 3; ++k) det += m(0, k) * inverse[3 * k];  // along the first row
  if (!(std::abs(det) > 1e-12)) {
    throw InputError(explain("correspondence: pose", "a matrix without inverse",
                             "a rigid 4x4, camera to world"));
  }
  Rigid out{};
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t k = 0; k < 3; ++k) {
      const double w = inverse[3 * i + k] / det;
      for (std::size_t j = 0; j < 3; ++j) out.r[3 * i + j] += w * from[4 * k + j];
      out.t[i] += w * (from[4 * k + 3] - to[4 * k + 3]);
    }
  }
  return out;
}

double angle_deg(const Rigid& pose) {
  const double cosine = (pose.r[0] + pose.r[4] + pose.r[8] - 1) / 2;
  return std::acos(std::clamp(cosine, -1.0, 1.0)) * 180 / std::numbers::pi;
}

// Continuous pixel of a point in front of the camera.
std::array<double, 2> project(const Intrinsics& K, const Point& p) {
  const double x = p[0] / p[2], y = p[1] / p[2];
  return {K[0] * x + K[1] * y + K[2], K[4] * y + K[5]};
}

Point camera_point(const ProbePoints& points, std::int64_t i) {
  const double* p = points.camera.data() + 3 * i;
  return {p[0], p[1], p[2]};
}

// Points of a in the order of their weights.
std::vector<std::int64_t> strongest(const Nearest& near, const ProbeOptions& options) {
  const auto distance = [](float cosine) {
    return std::max(kLeastDistance, 1 - static_cast<double>(cosine));
  };
  std::vector<double> weight;
  for (std::size_t i = 0; i < near.best.size(); ++i) {
    const double first = distance(near.best_cosine[i]), second = distance(near.second_cosine[i]);
    weight.push_back(options.ratio_test ? 1 - first / second : -first);
  }
  std::vector<std::int64_t> order(weight.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t x, std::int64_t y) {
    return weight[std::size_t(x)] > weight[std::size_t(y)];
  });
  const auto most = static_cast<std::size_t>(std::max<std::int64_t>(0, options.keep));
  if (order.size() > most) order.resize(most);
  return order;
}

}  // namespace

ProbePair probe_pair(const ProbePoints& a, const ProbePoints& b, const ProbeOptions& options) {
  if (a.channels != b.channels) {
    throw InputError(
        explain("correspondence: pair of pictures",
                std::to_string(a.channels) + " and " + std::to_string(b.channels) + " channels",
                "the same features"));
  }
  const Rigid pose = relative(a.world_from_cam, b.world_from_cam);
  ProbePair out;
  out.angle_deg = angle_deg(pose);
  out.overlap = kNoScore;
  out.points_a = a.size();
  out.points_b = b.size();
  if (a.size() == 0 || b.size() == 0) return out;
  const Nearest near = options.nearest ? options.nearest(a.unit.data(), a.size(), b.unit.data(),
                                                         b.size(), a.channels)
                                       : nearest_rows(a.unit.data(), a.size(), b.unit.data(),
                                                      b.size(), a.channels, options.threads);
  for (const std::int64_t i : strongest(near, options)) {
    const Point p = pose(camera_point(a, i));
    const Point q = camera_point(b, near.best[std::size_t(i)]);
    const double metres = std::hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]);
    double pixels = kInfinity;
    if (p[2] > 0) {
      const auto [pu, pv] = project(b.K, p);
      const auto [qu, qv] = project(b.K, q);
      pixels = std::hypot(pu - qu, pv - qv);
    }
    for (std::size_t t = 0; t < kProbe_px.size(); ++t) out.within_px[t] += pixels < kProbe_px[t];
    for (std::size_t t = 0; t < kProbe_m.size(); ++t) out.within_m[t] += metres < kProbe_m[t];
    ++out.kept;
  }
  return out;
}

namespace {

double one_way(const ProbeImage& a, const ProbeImage& b, double tolerance_m) {
  const Rigid pose = relative(a.world_from_cam, b.world_from_cam);
  std::int64_t known = 0, seen = 0;
  for (std::size_t i = 0; i < a.depth_m.size(); ++i) {
    const double z = a.depth_m[i];
    if (!(z > 0) || !std::isfinite(z)) continue;
    ++known;
    const double u = static_cast<double>(static_cast<std::int64_t>(i) % a.width) + 0.5;
    const double v = static_cast<double>(static_cast<std::int64_t>(i) / a.width) + 0.5;
    const double y = (v - a.K[5]) / a.K[4], x = (u - a.K[2] - a.K[1] * y) / a.K[0];
    const Point p = pose({x * z, y * z, z});
    if (!(p[2] > 0)) continue;
    const auto [pu, pv] = project(b.K, p);
    if (!(pu >= 0 && pv >= 0 && pu < static_cast<double>(b.width) &&
          pv < static_cast<double>(b.height))) {
      continue;
    }
    const double other = b.depth_m[static_cast<std::size_t>(
        static_cast<std::int64_t>(pv) * b.width + static_cast<std::int64_t>(pu))];
    seen += other > 0 && std::abs(other - p[2]) <= tolerance_m;
  }
  return known > 0 ? static_cast<double>(seen) / static_cast<double>(known) : 0;
}

}  // namespace

double depth_overlap(const ProbeImage& a, const ProbeImage& b, double tolerance_m) {
  for (const ProbeImage* image : {&a, &b}) {
    if (image->height < 0 || image->width < 0 || image->K[0] == 0 || image->K[4] == 0 ||
        image->depth_m.size() != static_cast<std::size_t>(image->height * image->width)) {
      throw InputError(explain("correspondence: picture",
                               std::to_string(image->depth_m.size()) + " depths",
                               "height x width of them, and intrinsics"));
    }
  }
  return std::min(one_way(a, b, tolerance_m), one_way(b, a, tolerance_m));
}

std::vector<std::pair<std::int64_t, std::int64_t>> choose_pairs(std::span<const double> overlap,
                                                                std::int64_t views, double low,
                                                                double high, std::int64_t most,
                                                                std::uint64_t seed) {
  if (views < 0 || overlap.size() != static_cast<std::size_t>(views * views)) {
    throw InputError(explain("correspondence: overlaps", std::to_string(overlap.size()),
                             std::to_string(views) + " x " + std::to_string(views)));
  }
  std::vector<std::pair<std::uint64_t, std::pair<std::int64_t, std::int64_t>>> drawn;
  for (std::int64_t i = 0; i < views; ++i) {
    for (std::int64_t j = i + 1; j < views; ++j) {
      const double share = overlap[std::size_t(i * views + j)];
      if (!(share >= low && share <= high)) continue;
      const auto words =
          philox4x32({static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(j), 0, 0},
                     philox_key(seed ^ fnv1a64("probe pairs")));
      drawn.push_back({std::uint64_t{words[0]} << 32 | words[1], {i, j}});
    }
  }
  if (most > 0 && static_cast<std::int64_t>(drawn.size()) > most) {
    std::nth_element(drawn.begin(), drawn.begin() + most, drawn.end());
    drawn.resize(static_cast<std::size_t>(most));
  }
  std::vector<std::pair<std::int64_t, std::int64_t>> out;
  for (const auto& [word, pair] : drawn) out.push_back(pair);
  std::sort(out.begin(), out.end());
  return out;
}

namespace {

double share(std::int64_t part, std::int64_t whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : kNoScore;
}

template <std::size_t Bins, typename Value>
void fill_bins(std::array<ProbeBin, Bins>& bins, const std::array<double, Bins + 1>& edges,
               std::span<const ProbePair> pairs, Value value) {
  for (std::size_t k = 0; k < Bins; ++k) {
    std::vector<ProbePair> here;
    for (const ProbePair& pair : pairs) {
      const double v = value(pair);
      if (v >= edges[k] && (v < edges[k + 1] || (k + 1 == Bins && v <= edges[Bins]))) {
        here.push_back(pair);
      }
    }
    const auto mean = [&](const auto& hits) {
      std::vector<double> shares;
      for (const ProbePair& pair : here) shares.push_back(share(hits(pair), pair.kept));
      return spread_of(shares).mean;
    };
    ProbeBin& bin = bins[k];
    bin = {edges[k], edges[k + 1], static_cast<std::int64_t>(here.size())};
    for (std::size_t t = 0; t < bin.recall_px.size(); ++t) {
      bin.recall_px[t] = mean([t](const ProbePair& p) { return p.within_px[t]; });
    }
    for (std::size_t t = 0; t < bin.recall_m.size(); ++t) {
      bin.recall_m[t] = mean([t](const ProbePair& p) { return p.within_m[t]; });
    }
  }
}

}  // namespace

ProbeSummary probe_summary(std::span<const ProbePair> pairs) {
  ProbeSummary out;
  out.pairs = static_cast<std::int64_t>(pairs.size());
  std::array<std::int64_t, 3> px = {};
  std::array<std::int64_t, 4> metres = {};
  for (const ProbePair& pair : pairs) {
    out.kept += pair.kept;
    for (std::size_t t = 0; t < px.size(); ++t) px[t] += pair.within_px[t];
    for (std::size_t t = 0; t < metres.size(); ++t) metres[t] += pair.within_m[t];
  }
  for (std::size_t t = 0; t < px.size(); ++t) out.recall_px[t] = share(px[t], out.kept);
  for (std::size_t t = 0; t < metres.size(); ++t) out.recall_m[t] = share(metres[t], out.kept);
  fill_bins(out.by_angle, kAngleEdges_deg, pairs, [](const ProbePair& p) { return p.angle_deg; });
  fill_bins(out.by_overlap, kOverlapEdges, pairs, [](const ProbePair& p) { return p.overlap; });
  return out;
}

}  // namespace vega
