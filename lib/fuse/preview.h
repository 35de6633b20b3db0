// `vega-fuse preview`: where fused tokens come from, as pictures and numbers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/options.h"
#include "run/verb.h"

namespace vega::fuse {

struct PreviewOptions {
  std::vector<std::string> inputs;
  std::string out = "gate.png", json;
  std::int64_t frames = 8, width = 0, columns = 0;
  bool smooth = false;

  void visit(OptionVisitor& v);
};

// One page (fuse/gate_page.h) a tokens file and, with `json`, its statistics (vega.gate/1); a
// manifest line (key, picture) each. One input: its error is thrown. Several: what fails is logged
// and counted, the others are done, exit code 4.
// Throws UsageError, OutputError, Stopped.
RunResult run_preview(const PreviewOptions& options, const Context& context);

// `vega-fuse preview`.
Verb preview_verb();

}  // namespace vega::fuse
