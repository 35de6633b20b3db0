// `vega-eval merge`: the parts that shards of a run wrote become one answer file in the order of
// the sample ids.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "run/verb.h"
#include "tasks/answer_parts.h"

namespace vega::score {

using tasks::Part;
using tasks::run_differences;

// Parts among paths and in folders, by shard count, then by shard. Throws InputError: no part,
// a file of another name; a shard that is missing in every shard count that there is (each named).
std::vector<Part> find_parts(const std::vector<std::string>& inputs);

struct Merged {
  std::string text;  // the lines, each with a line end
  std::size_t answers = 0;
  std::vector<std::string> notes;  // for the log: answers that two parts hold, lines cut by a kill
};

// Ids are in natural order (base/natural.h). Throws FormatError (part
// and line: no JSON object, no sample id) and InputError where two parts answer one question
// differently (both places).
Merged merge_parts(const std::vector<Part>& parts);

Verb merge_verb();

}  // namespace vega::score
