// Options of vega-extract's verbs, each declared once.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/options.h"
#include "base/progress.h"

namespace vega::extract {

// `vega-extract features`.
struct FeatureOptions {
  std::vector<std::string> inputs;
  std::string list, out = "features", key, shard, root, report;
  std::string backbone = "wan", model, prompt;
  std::string candidates, select = "uniform:32", view, size, jpeg;
  std::string blocks, timesteps, on_decode_error = "fail", exif = "apply";
  std::int64_t block = 20, timestep = 300, stream = -1;
  double shift = 5;
  std::string schedule = "release", noise = "v1", pool, tag;
  std::string device = "cpu", dtype, store_dtype = "bf16", batch = "auto", compat = "reference";
  std::string latent_constants;
  std::int64_t seed = 42, threads = 0;
  bool overwrite = false, fail_fast = false, no_thumbs = false, dry_run = false;

  void visit(OptionVisitor& v);
};

// `vega-extract preview`.
struct PreviewOptions {
  std::vector<std::string> inputs;
  std::string out = "preview.png", tap;
  std::int64_t frames = 12, columns = 0, width = 240;
  bool smooth = false;

  void visit(OptionVisitor& v);
};

// `vega-extract prompt`.
struct PromptOptions {
  std::string model, out = "prompt.h5";
  bool overwrite = false;

  void visit(OptionVisitor& v);
};

}  // namespace vega::extract
