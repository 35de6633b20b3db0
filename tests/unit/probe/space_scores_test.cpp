// Measures of a probe by hand, and their intervals over scenes.
#include "probe/space_scores.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "base/error.h"

using namespace vega;

namespace {

// A cell with these depths; height and label as wanted; the normal is that of the truth turned.
void add_cell(SpaceSums& sums, float depth, float found_depth, int label = -1, int answer = 0,
              float turn_deg = 0) {
  const float truth[5] = {depth, 2 * depth, 0, 0, -1};
  const float a = turn_deg * float(M_PI) / 180;
  const float found[5] = {found_depth, 2 * depth + 1, 0, 3 * std::sin(a), -3 * std::cos(a)};
  float scores[3] = {0, 0, 0};
  scores[answer] = 0.5;
  sums.add(truth, found, label, scores);
}

double measured(SpaceMeasure measure, const std::vector<SpaceSums>& scenes,
                std::vector<int> drawn = {}) {
  if (drawn.empty()) drawn.assign(scenes.size(), 1);
  return measure_space(measure, scenes, drawn);
}

}  // namespace

TEST_CASE("measures are those of their definitions", "[space_scores]") {
  std::vector<SpaceSums> scenes(2, SpaceSums(3));
  add_cell(scenes[0], 1, 1.5F, 0, 0, 10);
  add_cell(scenes[0], 2, 2, 0, 1, 30);
  add_cell(scenes[1], 3, 2, 1, 1, 50);
  add_cell(scenes[1], 6, 6, -1, 0, 0);
  // Mean 3; squares about it 4 + 1 + 0 + 9; errors 0.25 + 1.
  CHECK(measured(SpaceMeasure::kDepth, scenes) == Approx(1 - 1.25 / 14));
  CHECK(measured(SpaceMeasure::kHeight, scenes) == Approx(1 - 4.0 / 56));
  CHECK(measured(SpaceMeasure::kNormal, scenes) == Approx(22.5).epsilon(1e-5));
  CHECK(measured(SpaceMeasure::kLabel, scenes) == Approx(0.75));  // class 2 is not there
  CHECK(measured(SpaceMeasure::kLabelAll, scenes) == Approx(2.0 / 3));
  // The first scene three times, the second never.
  CHECK(measured(SpaceMeasure::kDepth, scenes, {3, 0}) == Approx(1 - 0.25 / 0.5));
  CHECK(measured(SpaceMeasure::kLabel, scenes, {3, 0}) == Approx(0.5));
}

TEST_CASE("what no cell says has no number", "[space_scores]") {
  std::vector<SpaceSums> scenes(1, SpaceSums(3));
  for (const auto& measure : kSpaceMeasures) CHECK(std::isnan(measured(measure.value, scenes)));
  const float truth[5] = {1, 1, 0, 0, 0}, found[5] = {1, 1, 1, 0, 0}, scores[3] = {};
  scenes[0].add(truth, found, -1, scores);
  scenes[0].add(truth, found, -1, scores);
  CHECK(std::isnan(measured(SpaceMeasure::kDepth, scenes)));   // all cells are alike
  CHECK(std::isnan(measured(SpaceMeasure::kNormal, scenes)));  // none is flat
  CHECK(std::isnan(measured(SpaceMeasure::kLabel, scenes)));
  CHECK(std::isnan(score_space(SpaceMeasure::kDepth, scenes, {}).interval.low));
}

TEST_CASE("a difference is paired by scene", "[space_scores]") {
  // Scenes differ much, the two systems by 5 degrees in each of them.
  std::vector<SpaceSums> a, b;
  for (int i = 0; i < 20; ++i) {
    SpaceSums one(3), other(3);
    for (int k = 0; k < 5; ++k) {
      add_cell(one, float(k), float(k), -1, 0, float(10 + 3 * i));
      add_cell(other, float(k), float(k), -1, 0, float(15 + 3 * i));
    }
    a.push_back(one), b.push_back(other);
  }
  const SpaceScore alone = score_space(SpaceMeasure::kNormal, a, {});
  CHECK(alone.interval.high - alone.interval.low > 10);
  const SpaceScore change = compare_space(SpaceMeasure::kNormal, b, a, {});
  CHECK(change.value == Approx(5).epsilon(1e-5));
  CHECK(change.interval.low == Approx(5).epsilon(1e-4));
  CHECK(change.interval.high == Approx(5).epsilon(1e-4));
  b.pop_back();
  CHECK_THROWS_AS(compare_space(SpaceMeasure::kNormal, b, a, {}), InputError);
}

TEST_CASE("an interval stays within what the measure can be", "[space_scores]") {
  // Two scenes, one right and one wrong: widened for so few, the ends would be -8 and 9.
  std::vector<SpaceSums> scenes(2, SpaceSums(3));
  for (int k = 0; k < 4; ++k) {
    add_cell(scenes[0], float(k), float(k), 1, 1, 5);
    add_cell(scenes[1], float(k), float(k), 1, 2, 170);
  }
  const SpaceScore label = score_space(SpaceMeasure::kLabel, scenes, {});
  CHECK(label.value == Approx(0.5));
  CHECK(label.interval.low == 0);
  CHECK(label.interval.high == 1);
  const SpaceScore normal = score_space(SpaceMeasure::kNormal, scenes, {});
  CHECK(normal.interval.low == 0);
  CHECK(normal.interval.high == 180);
}
