// Options of `vega-eval probe`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "geometry/grid.h"
#include "run/option_groups.h"
#include "viz/table.h"

namespace vega::evaluate {

struct ProbeVerb {
  std::vector<std::string> inputs;  // NAME=DIR[:TAP], DIR[:TAP]
  std::string scenes = "scenes", tap, baseline;

  std::string fit, score;  // a list or a number; a list

  Grid grid{14, 14};  // empty: as the features have it
  double min_valid = 0.5;
  std::string classes;
  std::int64_t class_cells = 100;

  double ridge = 1e-3;
  std::optional<std::int64_t> shuffle;
  std::int64_t draws = 2000, seed = 42;

  TableFormat format = TableFormat::kText;
  std::string out, plot;
  RunOptions run;

  void visit(OptionVisitor& v);
};

}  // namespace vega::evaluate
