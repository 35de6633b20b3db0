#include "train/forecast.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "train/plan.h"

namespace vega::train {

RunForecast::RunForecast(const TrainSetup& setup, std::int64_t first)
    : setup_(setup), first_(first) {}

std::optional<std::string> RunForecast::after_step(double seconds, std::int64_t memory) {
  ++done_;
  if (done_ > kSteps) return std::nullopt;
  taken_ += seconds;
  // The first step allocates what all others use again.
  if (done_ > 1) counted_ += seconds;
  memory_ = std::max(memory_, memory);
  const std::int64_t now = first_ + done_, last = setup_.plan.steps;
  if (done_ < kSteps || now >= last) return std::nullopt;
  const ModelSize model = model_size(setup_.planned, setup_.recipe.model);
  const StepSpeed work = stated_speed(model, 1);  // operations, of which only ratios count
  const double before = sums_of_steps(setup_, work, first_ + 1, now).seconds;
  const double left = counted_ * sums_of_steps(setup_, work, now, last).seconds / before;
  seconds_ = taken_ + left;
  return fmt::format(
      "{} took {}; the other {} will take about {}, without validation and checkpoints; memory {} "
      "at most so far, {} planned",
      plural(static_cast<std::size_t>(done_), "step"), duration_text(taken_), last - now,
      duration_text(left), bytes_text(static_cast<double>(memory_)),
      bytes_text(planned_memory(setup_).total()));
}

}  // namespace vega::train
