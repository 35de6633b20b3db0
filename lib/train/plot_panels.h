// Panels of `vega-train plot`: each one pair of axes over the steps of some runs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "train/metrics_file.h"
#include "train/plot.h"
#include "viz/plot.h"

namespace vega::train {

struct PlottedRun {
  std::string name;
  std::vector<StepMetrics> steps;
  std::vector<ValidationScore> scores;
};

// The mean of the finite numbers around each point, of `window` points (fewer at the ends). NaN
// where the point itself has no number.
std::vector<double> smoothed(const std::vector<double>& values, std::int64_t window);

// The panels that have a number to show: validation has one a task. scale: of losses and gradient
// norms.
std::vector<Curves> run_panels(const std::vector<PlottedRun>& runs, PlotPanel panel,
                               PlotScale scale, std::int64_t smooth);

}  // namespace vega::train
