// The learning rate of each step.
#include "train/schedule.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <numbers>

using namespace vega::train;

TEST_CASE("3 % of 1743 steps warm up from rate 0, then half a cosine to 0") {
  CHECK(warmup_steps(0.03, 1743) == 53);
  CHECK(warmup_steps(0.03, 10) == 1);
  CHECK(warmup_steps(0, 10) == 0);
  const Schedule s{ScheduleKind::kCosine, 1743, 53};
  CHECK(s.factor(0) == 0);
  CHECK(s.factor(26) == Approx(26.0 / 53));
  CHECK(s.factor(53) == 1);
  CHECK(s.factor(53 + 845) == Approx(0.5).margin(1e-12));
  CHECK(s.factor(1740) == Approx((1 + std::cos(std::numbers::pi * 1687 / 1690)) / 2));
  CHECK(s.factor(1743) == 0);
  CHECK(s.factor(5000) == 0);
}

TEST_CASE("linear and constant rates") {
  const Schedule line{ScheduleKind::kLinear, 12, 2};
  CHECK(line.factor(1) == 0.5);
  CHECK(line.factor(2) == 1);
  CHECK(line.factor(7) == Approx(0.5));
  CHECK(line.factor(12) == 0);
  const Schedule flat{ScheduleKind::kConstant, 12, 0};
  CHECK(flat.factor(0) == 1);
  CHECK(flat.factor(99) == 1);
}

TEST_CASE("a rate that stays for half of the steps and then falls to 0") {
  const Schedule s{ScheduleKind::kHalf, 750, 40};
  CHECK(s.factor(0) == 0);
  CHECK(s.factor(10) == 0.25);
  CHECK(s.factor(40) == 1);
  CHECK(s.factor(375) == 1);
  CHECK(s.factor(376) == Approx(374.0 / 375));
  CHECK(s.factor(749) == Approx(1.0 / 375));
  CHECK(s.factor(750) == 0);
  const Schedule odd{ScheduleKind::kHalf, 5, 0};
  CHECK(odd.factor(2) == 1);
  CHECK(odd.factor(3) == Approx(0.8));
}

TEST_CASE("a run that is all warm-up") {
  const Schedule s{ScheduleKind::kCosine, 4, 4};
  CHECK(s.factor(3) == 0.75);
  CHECK(std::isfinite(s.factor(4)));
}
