#include "models/wan/schedule.h"

#include <array>
#include <cstdlib>
#include <string>

#include "base/error.h"

namespace vega::wan {
namespace {

constexpr int kSteps = 1000;

struct LevelTable {
  std::array<float, kSteps + 1> sigma{};  // the last one is 0
  std::array<std::int64_t, kSteps> t{};
};

// All in double from the fp32 maximum 0.999; timesteps are truncated, not rounded.
LevelTable make_table(double shift) {
  LevelTable table;
  const double start = static_cast<double>(0.999F);
  for (int i = 0; i < kSteps; ++i) {
    // numpy.linspace(start, 0, 1001): i * step + start with step = (0 - start) / 1000
    const double u = static_cast<double>(i) * ((0.0 - start) / kSteps) + start;
    const double s = shift * u / (1.0 + (shift - 1.0) * u);
    table.sigma[i] = static_cast<float>(s);
    table.t[i] = static_cast<std::int64_t>(s * kSteps);
  }
  return table;
}

NoiseLevel release_level(std::int64_t asked, double shift) {
  const LevelTable table = make_table(shift);
  int nearest = 0;  // the first of equals, hence the larger t on a tie
  for (int i = 1; i < kSteps; ++i) {
    if (std::abs(table.t[i] - asked) < std::abs(table.t[nearest] - asked)) nearest = i;
  }
  // The scheduler then looks the integer up again and takes its second occurrence where there are
  // several.
  int hit = nearest;
  for (int i = 0, found = 0; i < kSteps && found < 2; ++i) {
    if (table.t[i] == table.t[nearest]) {
      hit = i;
      ++found;
    }
  }
  return {table.t[nearest], table.sigma[hit]};
}

}  // namespace

NoiseLevel noise_level(std::int64_t asked, double shift, Schedule schedule) {
  if (asked < 0 || asked > kSteps) {
    throw InputError(explain("--timestep", std::to_string(asked), "0 to 1000"));
  }
  if (!(shift > 0))
    throw InputError(explain("--shift", std::to_string(shift), "a positive number"));
  if (schedule == Schedule::kRelease) return release_level(asked, shift);
  return {asked, static_cast<float>(static_cast<double>(asked) / kSteps)};
}

}  // namespace vega::wan
