// What a run of this folder's verbs gives back.
#pragma once

#include "base/context.h"

namespace vega::extract {

struct Report {
  int done = 0, skipped = 0, failed = 0;
  int exit_code = 0;
};

}  // namespace vega::extract
