// Options of `vega-extract export` and `vega-extract import`, each declared once.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/options.h"

namespace vega::exchange {

struct ExportOptions {
  std::vector<std::string> inputs;
  std::string list, shard, out = "export", report;
  std::string format = "pt", layout, tap, as;
  bool all_taps = false, allow_mismatch = false, overwrite = false, fail_fast = false;

  void visit(OptionVisitor& v);
};

struct ImportOptions {
  std::vector<std::string> inputs;
  std::string list, shard, key, out = "features", report;
  std::string name, layout, frames, view, size, frame_size, depth_size, cell_to_px;
  std::string tap, tag, store_dtype;
  std::int64_t block = -1, timestep = -1, patch = 0;
  bool overwrite = false, fail_fast = false;

  void visit(OptionVisitor& v);
};

}  // namespace vega::exchange
