// Options of `vega-eval score`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/options.h"
#include "viz/table.h"

namespace vega::score {

enum class ClusterBy { kScene, kQuestion };

struct ScoreOptions {
  std::vector<std::string> inputs;  // the task, then answer files
  std::string gt, questions, boxes, scenes, labels, scans, proposals;
  std::string matcher, meteor_dir, wordnet_dir;
  double threshold = 0.4;
  bool all_variants = false, partial = false;
  std::int64_t run = 0, draws = 2000, seed = 42, threads = 0;
  ClusterBy cluster = ClusterBy::kScene;
  std::vector<std::string> against;  // one file, or as many as there are inputs
  std::string judge;
  std::string out, samples;
  TableFormat format = TableFormat::kText;

  void visit(OptionVisitor& v);
};

}  // namespace vega::score
