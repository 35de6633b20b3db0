// The Probe3D ScanNet protocol: dense matches by nearest neighbour and ratio test, judged by where
// the matched points are.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "correspondence/nearest.h"
#include "correspondence/probe_points.h"

namespace vega {

inline constexpr std::array<double, 3> kProbe_px = {5, 10, 20};  // of the working picture
inline constexpr std::array<double, 4> kProbe_m = {0.05, 0.1, 0.2, 0.5};
// Bins [edge, next edge); the last one has its upper end.
inline constexpr std::array<double, 5> kAngleEdges_deg = {0, 15, 30, 60, 180};
inline constexpr std::array<double, 6> kOverlapEdges = {0, 0.2, 0.4, 0.6, 0.8, 1};

struct ProbeOptions {
  std::int64_t keep = 1000;  // matches with the highest weights; equal ones: the first points
  bool ratio_test = true;    // weight 1 - d1/d2 of cosine distances; false: weight -d1
  int threads = 1;
  // Instead of nearest_rows, on another device: (a, n, b, m, channels).
  std::function<Nearest(const float*, std::int64_t, const float*, std::int64_t, std::int64_t)>
      nearest = {};
};

// Counts, so that pairs can be pooled.
struct ProbePair {
  std::int64_t a = 0, b = 0;  // the caller's numbers
  double angle_deg = 0;       // of the relative rotation
  double overlap = 0;         // the caller's; NaN unknown
  std::int64_t points_a = 0, points_b = 0, kept = 0;
  std::array<std::int64_t, 3> within_px = {};  // error < kProbe_px
  std::array<std::int64_t, 4> within_m = {};   // error < kProbe_m
};

// For each point of a: its nearest two of b by cosine distance 1 - cos, at least 1e-9; one
// direction, no mutual check. Errors of a match, T = (camera b) from (camera a):
//   px   |project(T p_a) - project(p_b)|, infinite where T p_a is not in front of the camera
//   m    |T p_a - p_b|
// Throws InputError: channels that differ.  Source: mbanani/probe3d.
ProbePair probe_pair(const ProbePoints& a, const ProbePoints& b, const ProbeOptions& options = {});

// Share of a picture's pixels with depth whose points land on a pixel of the other picture with a
// depth within `tolerance_m` of theirs: the smaller of both directions. 0 where one has no depth.
double depth_overlap(const ProbeImage& a, const ProbeImage& b, double tolerance_m = 0.1);

// Pairs (i, j), i < j, with low <= overlap[i * views + j] <= high; of more than `most` (0: no
// limit), those with the smallest Philox words (seed; i, j). In order of (i, j).
std::vector<std::pair<std::int64_t, std::int64_t>> choose_pairs(std::span<const double> overlap,
                                                                std::int64_t views, double low,
                                                                double high, std::int64_t most,
                                                                std::uint64_t seed);

// Mean over the pairs of a bin of each pair's recall; NaN in an empty bin. Pairs without a match
// are counted, and have no part in the means.
struct ProbeBin {
  double low = 0, high = 0;
  std::int64_t pairs = 0;
  std::array<double, 3> recall_px = {};
  std::array<double, 4> recall_m = {};
};

struct ProbeSummary {
  std::int64_t pairs = 0, kept = 0;
  std::array<double, 3> recall_px = {};  // of all matches of all pairs; NaN without one
  std::array<double, 4> recall_m = {};
  std::array<ProbeBin, 4> by_angle;
  std::array<ProbeBin, 5> by_overlap;
};
ProbeSummary probe_summary(std::span<const ProbePair> pairs);

}  // namespace vega
