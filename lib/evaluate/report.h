// `vega-eval report`: tables, plots, gate maps and cases of runs in one HTML file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "run/verb.h"
#include "tasks/scored.h"

namespace vega::evaluate {

struct ReportVerb {
  std::vector<std::string> inputs, gt;
  tasks::ScoredSources sources;
  std::string out, title = "vega report", tokens;
  std::int64_t count = 12, frames = 2, gates = 4;

  void visit(OptionVisitor& v);
};

// Writes a page that opens without a network: no address outside of it, scripts and pictures
// within. Returns 0, or 4 where a case could not be drawn. Throws UsageError, InputError,
// FormatError, OutputError.
int run_report(const ReportVerb& options, const tasks::ReadScored& read, const Context& context);

Verb report_verb(tasks::ReadScored read);

}  // namespace vega::evaluate
