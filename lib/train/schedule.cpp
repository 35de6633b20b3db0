#include "train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace vega::train {

double Schedule::factor(std::int64_t k) const {
  if (k < warmup) return static_cast<double>(k) / static_cast<double>(warmup);
  if (kind == ScheduleKind::kConstant) return 1;
  if (k >= steps) return 0;
  if (kind == ScheduleKind::kHalf)
    return std::min(1.0, 2 * static_cast<double>(steps - k) / static_cast<double>(steps));
  const double done = static_cast<double>(k - warmup) /
                      static_cast<double>(std::max<std::int64_t>(1, steps - warmup));
  if (kind == ScheduleKind::kLinear) return 1 - done;
  return (1 + std::cos(std::numbers::pi * done)) / 2;
}

std::int64_t warmup_steps(double share, std::int64_t steps) {
  return static_cast<std::int64_t>(std::ceil(share * static_cast<double>(steps)));
}

}  // namespace vega::train
