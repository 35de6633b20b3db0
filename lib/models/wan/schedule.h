// Which timestep and noise level a request means. Source: Wan-Video/Wan2.1
// utils/fm_solvers_unipc.py.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/choice.h"

namespace vega::wan {

enum class Schedule {
  kRelease,  // the released scheduler's table: --timestep 300 is t 299, sigma 0.29992384
  kExact     // the paper's formula: t = asked, sigma = t / 1000
};

inline constexpr Choice<Schedule> kSchedules[] = {
    {Schedule::kRelease, "release",
     "the table of the released scheduler (300 is t 299, sigma 0.29992384)"},
    {Schedule::kExact, "exact", "sigma = T/1000"}};

struct NoiseLevel {
  std::int64_t t = 0;  // what the time embedding sees
  float sigma = 0;     // z_t = (1 - sigma) z + sigma eps
};

// `asked` 0 to 1000, shift > 0 (5 in VEGA). Throws InputError outside.
NoiseLevel noise_level(std::int64_t asked, double shift, Schedule schedule);

}  // namespace vega::wan
