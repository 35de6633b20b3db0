// What `vega-eval probe` found, as an answer, tables, a record and a plot.
#pragma once

#include <array>
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "evaluate/probe_run.h"
#include "viz/table.h"

namespace vega::evaluate {

// A set, or the control that only knows a cell's place, on the cells of some sets.
struct ProbeRow {
  std::string name;
  bool control = false;
  std::size_t set = 0;   // of a control: the first set with these cells
  std::string baseline;  // its name; empty: this row is the baseline
  std::array<SpaceScore, kSpaceMeasureCount> score, difference;  // minus the baseline
};

struct ProbeReport {
  const ProbeRun& run;  // must outlive the report
  std::vector<ProbeRow> rows;

  const std::vector<SpaceSums>& scores(const ProbeRow& row) const {
    const SetProbe& set = *run.sets()[row.set];
    return row.control ? set.place_scores : set.scores;
  }
};

// A control stands before the first set of its cells; sets with other cells have a control of their
// own. The run has scored at least one scene.
ProbeReport report_of(const ProbeRun& run);

std::string probe_answer(const ProbeReport& report);  // in the recipe's format
std::string probe_text(const ProbeReport& report, TableFormat format);
Table probe_values(const ProbeReport& report);  // a line a row and measure, with all digits
Table probe_scenes(const ProbeReport& report);  // a line a row and scored scene
Json probe_json(const ProbeReport& report);     // vega.probe/1

// The bytes of a page: a panel a measure, bars with intervals. path: for its ending.
std::string draw_probe(const ProbeReport& report, const std::filesystem::path& path);

}  // namespace vega::evaluate
