// The learning rate of each step.
// Source: transformers 4.40, get_cosine_schedule_with_warmup and its neighbours; S 8.4.
#pragma once

#include <cstdint>

#include "base/choice.h"

namespace vega::train {

enum class ScheduleKind { kCosine, kLinear, kConstant, kHalf };
inline constexpr Choice<ScheduleKind> kSchedules[] = {
    {ScheduleKind::kCosine, "cosine", "to 0 by half a cosine"},
    {ScheduleKind::kLinear, "linear", "to 0 by a line"},
    {ScheduleKind::kConstant, "constant", "the rate stays"},
    {ScheduleKind::kHalf, "half", "the rate stays for half of the steps, then to 0 by a line"}};

struct Schedule {
  ScheduleKind kind = ScheduleKind::kCosine;
  std::int64_t steps = 1;   // n, as planned
  std::int64_t warmup = 0;  // w

  // What the rate is multiplied by at step k from 0: k / w while k < w, so that the first step of a
  // warm-up has rate 0; then cosine (1 + cos(pi (k - w) / (n - w))) / 2, linear (n - k) / (n - w),
  // constant 1, half min(1, 2 (n - k) / n). Beyond n it is 0 (constant: 1).
  double factor(std::int64_t k) const;
};

// ceil(share * steps).
std::int64_t warmup_steps(double share, std::int64_t steps);

}  // namespace vega::train
