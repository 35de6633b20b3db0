#include "probe/space_scores.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>

#include "base/error.h"

namespace vega {
namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

double angle_between_deg(const float* unit, const float* other) {
  double dot = 0, square = 0;
  for (int k = 0; k < 3; ++k)
    dot += double(unit[k]) * other[k], square += double(other[k]) * other[k];
  if (square <= 0) return 90;  // says nothing
  return std::acos(std::clamp(dot / std::sqrt(square), -1.0, 1.0)) * 180 / std::numbers::pi;
}

double explained(std::span<const SpaceSums> scenes, std::span<const int> drawn,
                 ValueSums SpaceSums::*which) {
  double cells = 0, truth = 0, square = 0, error = 0;
  for (std::size_t i = 0; i < scenes.size(); ++i) {
    const double times = drawn[i];
    const ValueSums& sums = scenes[i].*which;
    cells += times * static_cast<double>(scenes[i].cells);
    truth += times * sums.truth, square += times * sums.truth_square;
    error += times * sums.error_square;
  }
  const double spread = cells > 0 ? square - truth * truth / cells : 0;
  return spread > 0 ? 1 - error / spread : kUndefined;
}

double mean_angle(std::span<const SpaceSums> scenes, std::span<const int> drawn) {
  double cells = 0, sum = 0;
  for (std::size_t i = 0; i < scenes.size(); ++i) {
    cells += drawn[i] * static_cast<double>(scenes[i].flat_cells);
    sum += drawn[i] * scenes[i].angle_deg;
  }
  return cells > 0 ? sum / cells : kUndefined;
}

// mean_of_classes: each class counts the same.
double accuracy(std::span<const SpaceSums> scenes, std::span<const int> drawn,
                bool mean_of_classes) {
  const std::size_t classes = scenes.empty() ? 0 : scenes.front().hits.size();
  double hits_in_all = 0, cells_in_all = 0, shares = 0, seen = 0;
  for (std::size_t c = 0; c < classes; ++c) {
    double hits = 0, cells = 0;
    for (std::size_t i = 0; i < scenes.size(); ++i) {
      hits += drawn[i] * static_cast<double>(scenes[i].hits[c]);
      cells += drawn[i] * static_cast<double>(scenes[i].of_class[c]);
    }
    if (cells <= 0) continue;
    shares += hits / cells, seen += 1;
    hits_in_all += hits, cells_in_all += cells;
  }
  if (seen <= 0) return kUndefined;
  return mean_of_classes ? shares / seen : hits_in_all / cells_in_all;
}

// What a measure can be. Widening for few scenes may lead beyond.
metrics::Interval range_of(SpaceMeasure measure) {
  switch (measure) {
    case SpaceMeasure::kDepth:
    case SpaceMeasure::kHeight: return {-std::numeric_limits<double>::infinity(), 1};
    case SpaceMeasure::kNormal: return {0, 180};
    default: return {0, 1};
  }
}

SpaceScore with_interval(std::size_t scenes, const metrics::Bootstrap& settings,
                         const std::function<double(std::span<const int>)>& statistic) {
  const std::vector<int> once(scenes, 1);
  SpaceScore out{statistic(once), {kUndefined, kUndefined}};
  if (scenes > 1 && std::isfinite(out.value))
    out.interval = metrics::bootstrap_clusters(scenes, settings, statistic);
  return out;
}

}  // namespace

void ValueSums::add(double truth_value, double found) {
  truth += truth_value;
  truth_square += truth_value * truth_value;
  error_square += (found - truth_value) * (found - truth_value);
}

void SpaceSums::add(const float* truth, const float* found, std::int32_t class_of,
                    const float* scores) {
  ++cells;
  depth.add(truth[0], found[0]);
  height.add(truth[1], found[1]);
  if (truth[2] != 0 || truth[3] != 0 || truth[4] != 0) {
    ++flat_cells;
    angle_deg += angle_between_deg(truth + 2, found + 2);
  }
  if (class_of < 0) return;
  const auto answer = std::max_element(scores, scores + std::ssize(hits)) - scores;
  const auto truth_class = static_cast<std::size_t>(class_of);
  ++of_class.at(truth_class);
  if (answer == class_of) ++hits[truth_class];
}

double measure_space(SpaceMeasure measure, std::span<const SpaceSums> scenes,
                     std::span<const int> drawn) {
  switch (measure) {
    case SpaceMeasure::kDepth: return explained(scenes, drawn, &SpaceSums::depth);
    case SpaceMeasure::kHeight: return explained(scenes, drawn, &SpaceSums::height);
    case SpaceMeasure::kNormal: return mean_angle(scenes, drawn);
    case SpaceMeasure::kLabel: return accuracy(scenes, drawn, true);
    case SpaceMeasure::kLabelAll: return accuracy(scenes, drawn, false);
  }
  return kUndefined;
}

SpaceScore score_space(SpaceMeasure measure, std::span<const SpaceSums> scenes,
                       const metrics::Bootstrap& settings) {
  SpaceScore out = with_interval(scenes.size(), settings, [&](std::span<const int> drawn) {
    return measure_space(measure, scenes, drawn);
  });
  const metrics::Interval range = range_of(measure);
  if (out.interval.low < range.low) out.interval.low = range.low;
  if (out.interval.high > range.high) out.interval.high = range.high;
  return out;
}

SpaceScore compare_space(SpaceMeasure measure, std::span<const SpaceSums> scenes,
                         std::span<const SpaceSums> baseline, const metrics::Bootstrap& settings) {
  if (scenes.size() != baseline.size())
    throw InputError(explain("probe", std::to_string(baseline.size()) + " scenes of the baseline",
                             std::to_string(scenes.size())));
  return with_interval(scenes.size(), settings, [&](std::span<const int> drawn) {
    return measure_space(measure, scenes, drawn) - measure_space(measure, baseline, drawn);
  });
}

}  // namespace vega
