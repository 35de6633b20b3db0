// The option that every verb with a --checkpoint has beside it.
#pragma once

#include <string>

#include "base/options.h"

namespace vega::vlm {

// --base: CheckpointOptions::base.
inline void visit_base(OptionVisitor& v, std::string& base) {
  v.text("--base", base, "DIR",
         "of a LoRA folder or a run: the model that it was trained on (default: the one that it "
         "names)");
}

}  // namespace vega::vlm
