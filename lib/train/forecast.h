// How long a run lasts, by what its own first steps took.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "train/setup.h"

namespace vega::train {

// The first steps tell the speed of the machine, the shapes of the others how much more or less
// work they are: a run whose first steps are short is not taken to be short.
class RunForecast {
 public:
  static constexpr std::int64_t kSteps = 10;  // steps that it waits for

  // first: steps that are done already. setup must live on.
  RunForecast(const TrainSetup& setup, std::int64_t first);

  // After each step, with its seconds and bytes. Says once, after kSteps of them, what all steps
  // will take and what memory was planned; nothing where the run ends there.
  std::optional<std::string> after_step(double seconds, std::int64_t memory);

  // Seconds of all steps from `first` on, those that were taken among them.
  double seconds() const { return seconds_; }

 private:
  const TrainSetup& setup_;
  std::int64_t first_ = 0, done_ = 0, memory_ = 0;
  double taken_ = 0, counted_ = 0;  // seconds: of all steps, of those behind the first one
  double seconds_ = 0;
};

}  // namespace vega::train
