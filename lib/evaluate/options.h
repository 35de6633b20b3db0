// Options of `vega-eval`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/options.h"

namespace vega::evaluate {

struct CorrespondenceVerb {
  std::vector<std::string> inputs;
  std::string list, shard, scenes = "scenes", tap;
  bool compare = false;

  std::string metrics = "voxel", rank_by, center = "none,mean";
  double voxel = 0.1, min_valid = -1, unrelated = 0.5;
  std::int64_t auc_pairs = 200000, seed = 42;
  std::string compat = "reference", cells, zero_depth, repeats;
  bool permuted_poses = false;

  std::string pairs;
  std::int64_t probe_pairs = 15, points = -1, keep = 1000;
  bool no_ratio_test = false;

  std::string out, format = "text", report, device = "cpu";
  bool pictures = false, fail_fast = false, overwrite = false;
  std::int64_t picture_frames = 8, threads = 0;

  void visit(OptionVisitor& v);
};

}  // namespace vega::evaluate
