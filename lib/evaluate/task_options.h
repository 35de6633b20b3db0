// Options that `vega-eval answer TASK QUESTIONS.json` has besides those of one scene.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "run/option_groups.h"
#include "store/scene_file.h"

namespace vega::evaluate {

struct TaskOptions {
  std::string scans;                  // folder of scans; empty: files that are missing stay so
  std::string videos;                 // of VSI-Bench
  std::string images;                 // of CV-Bench, BLINK and questions about frames
  std::string shard;                  // i/n or auto; empty: everything
  std::optional<ObjectKind> objects;  // unset: proposals, of Nr3D the annotated ones
  std::optional<std::int64_t> batch;  // unset: auto
  bool overwrite = false;
  RunOptions run;

  void visit(OptionVisitor& v);
  // The first option that only a benchmark has; empty: none was given.
  std::string first_given() const;
};

}  // namespace vega::evaluate
