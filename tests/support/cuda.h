// Tests on a GPU, or on the emulated device.
#pragma once

#include <string>

#include "core/device.h"
#include "support/support.h"

namespace vega::test {

// Whether there is CUDA. If not, notes that tests of `what` are skipped, and why.
inline bool has_cuda(const std::string& what) {
  std::string why;
  if (cuda_available(&why)) return true;
  note_skip(what + " on CUDA: " + why);
  return false;
}

}  // namespace vega::test
