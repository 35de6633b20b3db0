// Keys of a model's configuration that vega does not read.
#pragma once

#include "base/json_fields.h"

namespace vega {

// Warns of them once, in case they change numbers: three by name, the rest by number. Keys that
// begin with '_' say how a file was made and are passed over.
void warn_unread(const JsonFields& fields);

}  // namespace vega
