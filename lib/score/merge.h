// `vega-eval merge`: the parts that shards of a run wrote become one answer file in the order of
// the sample ids.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "run/verb.h"

namespace vega::score {

// part-0-of-4.jsonl
struct Part {
  std::filesystem::path path;
  std::size_t shard = 0, shards = 1;
};

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

// Where two run.json differ: "checkpoint: got .., expected ..". What a single shard says of itself
// (shard, host, command, times, provenance) does not count. Empty: they are equal.
std::vector<std::string> run_differences(const Json& a, const Json& b);

Verb merge_verb();

}  // namespace vega::score
