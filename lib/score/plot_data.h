// From files to what a plot shows.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "score/plot.h"
#include "viz/plot.h"

namespace vega::score {

// Points out of a CSV: comments ("# ...") in front, then a line of names: `series`, `x`, `value`,
// and as wanted `column` (table_columns.h), `low`, `high`. A blank x belongs to no place: it is a
// reference for all. Throws FormatError (file, line, column).
struct CurvePoint {
  std::string series, x, column;
  double value = 0, low = kNoNumber, high = kNoNumber;
};
std::vector<CurvePoint> csv_points(std::string_view text, const std::string& file);

// Inputs: score files and folders NAME=PATH, where NAME is X or SERIES:X; CSV files of points.
Curves ablation_curves(const PlotOptions& options);

// Inputs as `vega-eval table` takes them. Columns without a number are left out.
Bars score_bars(const PlotOptions& options);
Radar score_radar(const PlotOptions& options);
// The rows against the baseline (its name, else the first row), in percent of its number, or in
// points. Without inputs: what the paper states.
Bars delta_bars(const PlotOptions& options);

// Inputs: for each name a file of `vega-eval correspondence` (x) and score files (y), NAME=PATH; or
// CSV files with three columns: name, x, y, whose titles become those of the axes.
struct Correlation {
  Curves plot;
  std::vector<double> x, y;
};
Correlation score_correlation(const PlotOptions& options);

}  // namespace vega::score
