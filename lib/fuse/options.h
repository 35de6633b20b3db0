// Options of `vega-fuse tokens`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/options.h"

namespace vega::fuse {

struct TokensOptions {
  std::vector<std::string> inputs;
  std::string list, shard, tap, semantic, semantic_tap, scenes;

  std::string checkpoint, method, form;
  bool initial_values = false, allow_mismatch = false;
  std::int64_t width = 3584, seed = 42;
  std::string projector = "mlp2x_gelu", pool_mode = "bilinear";

  std::string align = "reference", objects = "patch14";

  std::string parts = "fused", out = "tokens", tag, store_dtype = "bf16";

  std::string device = "cpu", dtype, batch = "8", report;
  bool overwrite = false, fail_fast = false, no_thumbs = false, dry_run = false;
  std::int64_t threads = 0;

  void visit(OptionVisitor& v);
};

}  // namespace vega::fuse
