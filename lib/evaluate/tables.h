// Correspondence results as answers and files.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "correspondence/report.h"
#include "evaluate/recipe.h"

namespace vega::evaluate {

// What came out of a run, in the order of the recipe's sets.
struct Scored {
  std::vector<FeatureSet> sets;
  std::vector<std::map<std::string, std::string>> cache_keys;  // of the taps, by key
  std::vector<std::string> taps;                               // names; the first scene's default
};

// The answer on stdout in the recipe's format. One set: its metrics (and its scenes, where there
// are several); several: ranked. Throws InputError where no scene is common.
std::string answer(const Recipe& recipe, const Scored& scored);

// The files of -o: name to content. A JSON, a CSV of scenes and one of frame pairs for each set;
// where there are several, comparison.json and .csv; report.md with everything to read.
std::map<std::string, std::string> files_of(const Recipe& recipe, const Scored& scored);

// The name of a set as a part of file names.
std::string file_name(const std::string& set);

}  // namespace vega::evaluate
