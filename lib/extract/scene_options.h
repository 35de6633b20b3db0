// Options of `vega-extract scene`, each declared once.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/options.h"

namespace vega::extract {

struct SceneFileOptions {
  std::vector<std::string> inputs;
  std::string list, out = "scenes", key, shard, root, report;
  std::string candidates, select = "uniform:32", view = "mllm";
  std::string frame_list, boxes, masks, labels, proposals = "auto";
  std::string on_decode_error = "fail";
  std::string compat = "reference", jpeg, poses, geometry, depth_shift, zero_depth, empty_mask,
              id_gaps;
  std::int64_t seed = 42, threads = 0;
  bool no_color = false, overwrite = false, fail_fast = false, dry_run = false;

  void visit(OptionVisitor& v);
};

}  // namespace vega::extract
