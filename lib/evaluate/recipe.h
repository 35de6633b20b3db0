// What a run of `vega-eval correspondence` does: every default resolved, inputs found. Below
// resolve() nothing reads the options.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "correspondence/summary.h"
#include "evaluate/options.h"
#include "evaluate/scene_tokens.h"
#include "run/items.h"

namespace vega::evaluate {

// Features that are scored together: one tap of the files of one folder.
struct ScoredSet {
  std::string name;                                    // unique; for tables
  std::map<std::string, std::filesystem::path> files;  // by key
  std::string tap;                                     // empty: each file's default
  bool permuted = false;
};

struct Recipe {
  std::vector<ScoredSet> sets;
  ItemList list;                      // a scene each: its key, and the first set's file
  std::filesystem::path scenes, out;  // out: empty without -o
  bool overwrite = false, pictures = false;
  std::int64_t picture_frames = 8;
  CorrespondenceOptions scores;
  GeometryRule geometry;
  bool voxel = true, probe = false;
  ProbeOptions probe_options;
  std::int64_t points = 0, pairs_a_scene = 0;                                       // 0: all
  std::map<std::string, std::vector<std::pair<std::int64_t, std::int64_t>>> pairs;  // frame ids
  bool given_pairs = false;
  std::string rank_by;
  TableFormat format = TableFormat::kText;
  std::string options_json;  // what changes numbers, resolved
};

// Throws UsageError (options that contradict each other or are unknown, one key twice), InputError
// (a folder without feature files, a file of pairs that cannot be read).
Recipe resolve(const CorrespondenceVerb& options);

}  // namespace vega::evaluate
