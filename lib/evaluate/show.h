// `vega-eval show`: a picture a question.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "evaluate/show_order.h"
#include "run/verb.h"
#include "tasks/scored.h"

namespace vega::evaluate {

struct ShowVerb {
  std::vector<std::string> inputs;  // the task
  std::string answers, against, images;
  tasks::ScoredSources sources;
  std::optional<CaseOrder> order;  // unset: gain where there are two systems, else loss
  std::string metric;
  std::vector<std::string> ids, types;
  std::int64_t count = 20, frames = 3;
  std::string out, boxes;

  void visit(OptionVisitor& v);
};

// Prints a manifest line a picture, "ID<TAB>PATH", in the order of the ranks. Returns 0, or 4 where
// a question could not be shown. Throws UsageError, InputError, FormatError, OutputError.
int run_show(const ShowVerb& options, const tasks::ReadScored& read, const Context& context);

Verb show_verb(tasks::ReadScored read);

}  // namespace vega::evaluate
