// What a run of `vega-eval probe` does: every default resolved, scenes found and split. Below
// resolve_probe_verb() nothing reads the options.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "evaluate/probe_options.h"
#include "metrics/intervals.h"
#include "probe/targets.h"
#include "run/items.h"

namespace vega::evaluate {

// One tap of the files of one folder.
struct ProbedSet {
  std::string name;  // unique
  std::filesystem::path folder;
  std::string tap;                                     // empty: each file's default
  std::map<std::string, std::filesystem::path> files;  // by key
};

struct ProbeRecipe {
  std::vector<ProbedSet> sets;
  ItemList list;                      // scenes that all sets have: those to fit, then the others
  std::set<std::string> fit;          // keys
  std::vector<std::string> left_out;  // keys that some set lacks, sorted
  std::filesystem::path scenes;
  std::optional<std::size_t> baseline;  // a set; none: place alone
  Grid grid;                            // empty: as the features have it
  CellRule cells;
  std::vector<std::string> classes;  // empty: by their cells
  std::int64_t class_cells = 0;
  double ridge = 0;
  std::optional<std::uint64_t> shuffle;
  metrics::Bootstrap bootstrap;
  int threads = 1;
  TableFormat format = TableFormat::kText;
  std::filesystem::path folder, json, plot;  // outputs; empty: none
  std::string options_json;                  // what changes numbers, resolved

  // Products of float32 are enough from this strength on (docs/probe.md, "Precision").
  bool exact() const { return ridge < 1e-4; }
};

// Throws UsageError (options that contradict each other, a name twice), InputError (a folder
// without feature files, a list that cannot be read, names a scene twice or one that is not there).
ProbeRecipe resolve_probe_verb(const ProbeVerb& options);

}  // namespace vega::evaluate
