// Keys of a model's configuration that vega does not read.
#pragma once

#include "base/json_fields.h"

namespace vega {

// Warns of them once, by name, in case they change numbers. Keys that begin with '_' say how a file
// was made.
void warn_unread(const JsonFields& fields);

}  // namespace vega
