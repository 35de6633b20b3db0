// Options of `vega-eval profile`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/image_types.h"
#include "evaluate/model_options.h"
#include "viz/table.h"

namespace vega::evaluate {

struct ProfileVerb : ModelOptions {
  std::vector<std::string> inputs;  // none, or the key of a scene's files
  bool cached = false, online = false;

  std::int64_t frames = 32;
  std::optional<ImageSize> size;  // unset: as trained, or 832x480
  std::string question = "What color is the chair next to the window?";

  std::int64_t repeats = 5, warmup = 1;

  TableFormat format = TableFormat::kText;
  std::string out, plot;

  void visit(OptionVisitor& v);
};

}  // namespace vega::evaluate
