// Tables and plots of a report, as HTML.
#pragma once

#include <string>
#include <vector>

#include "evaluate/report_runs.h"

namespace vega::evaluate {

// One number or two of each task, by system, and a radar of several systems where there
// are three or more.
std::string overview(const std::vector<ReportTask>& tasks, const std::vector<std::string>& names);

// Metrics by run with their intervals, groups below, counts of answers that are none.
std::string score_tables(const ReportTask& task);

// Bars with intervals: metrics, and the first metric by group. number: of the task, for ids.
std::string score_plots(const ReportTask& task, std::size_t number);

// The paths of the runs, what was noted while they were read, and their run.json.
std::string run_details(const ReportTask& task);

}  // namespace vega::evaluate
