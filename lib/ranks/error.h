// A training whose ranks cannot go on together.
#pragma once

#include "base/error.h"

namespace vega {

// A rank that did not come, ended, hangs or belongs to another job. The message names it. Exit
// code 5.
class RankError : public DeviceError {
 public:
  using DeviceError::DeviceError;
};

}  // namespace vega
