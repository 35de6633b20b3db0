// How much a probe found out about space, over the cells of scenes that it has not seen.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/choice.h"
#include "metrics/intervals.h"

namespace vega {

enum class SpaceMeasure {
  kDepth,    // R2: 1 - squared errors / squared distances from the mean of the scored cells
  kHeight,   // R2
  kNormal,   // mean angle, degrees, over the cells that have a normal
  kLabel,    // accuracy of each class, mean over the classes that are there
  kLabelAll  // accuracy over all cells with a class
};
inline constexpr Choice<SpaceMeasure> kSpaceMeasures[] = {{SpaceMeasure::kDepth, "depth_r2"},
                                                          {SpaceMeasure::kHeight, "height_r2"},
                                                          {SpaceMeasure::kNormal, "normal_deg"},
                                                          {SpaceMeasure::kLabel, "label_mean"},
                                                          {SpaceMeasure::kLabelAll, "label_all"}};
inline constexpr std::size_t kSpaceMeasureCount = std::size(kSpaceMeasures);

// Sums of one number over cells.
struct ValueSums {
  double truth = 0, truth_square = 0, error_square = 0;
  void add(double truth_value, double found);
};

// Sums of one scene, from which every measure of any set of scenes follows.
struct SpaceSums {
  std::int64_t cells = 0;
  ValueSums depth, height;
  double angle_deg = 0;
  std::int64_t flat_cells = 0;
  std::vector<std::int64_t> hits, of_class;  // by class

  explicit SpaceSums(std::size_t classes = 0) : hits(classes), of_class(classes) {}

  // depth and height: the truth, then what was found. m; normal: unit truth (0 0 0: none), and what
  // was found, of any length. class_of: -1 none. scores: of each class; the largest is the answer,
  // of equal ones the first.
  void add(const float* truth, const float* found, std::int32_t class_of, const float* scores);
};

// The order of `truth` and `found` above.
inline constexpr std::int64_t kSpaceTargets = 5;  // depth, height, normal x y z

// drawn: how often each scene counts. NaN where no cell says anything.
double measure_space(SpaceMeasure measure, std::span<const SpaceSums> scenes,
                     std::span<const int> drawn);

struct SpaceScore {
  double value = 0;
  metrics::Interval interval;
};
// Percentile bootstrap over scenes (metrics/intervals.h), within what the measure can be; one scene
// has no interval: NaN.
SpaceScore score_space(SpaceMeasure measure, std::span<const SpaceSums> scenes,
                       const metrics::Bootstrap& settings);
// scenes minus baseline, both drawn alike. Throws InputError: not as many scenes.
SpaceScore compare_space(SpaceMeasure measure, std::span<const SpaceSums> scenes,
                         std::span<const SpaceSums> baseline, const metrics::Bootstrap& settings);

}  // namespace vega
