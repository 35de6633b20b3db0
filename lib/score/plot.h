// `vega-eval plot`: curves of ablations, changes against a baseline, correlation, radar, bars.
#pragma once

#include <string>
#include <vector>

#include "base/options.h"
#include "run/verb.h"

namespace vega::score {

// What an ablation varies. The first two have numbers on the x axis, the last one names.
enum class Vary { kTimestep, kLayer, kFusion };

struct PlotOptions {
  std::vector<std::string> inputs;  // the kind, then files
  std::string columns, rows, baseline, metric = "multi_view";
  Vary vary = Vary::kTimestep;
  bool published = true, points = false;
  std::string title, x_label, y_label, out;
  double width_mm = 84, height_mm = 63, dpi = 300;

  void visit(OptionVisitor& v);
};

// Writes the plot and logs its name. Correlations are printed.
// Throws UsageError, InputError, FormatError, OutputError.
RunResult run_plot(const PlotOptions& options, const Context& context);

Verb plot_verb();

}  // namespace vega::score
