// What config.json says about a language model that sees scenes (S 7.2 of docs/language.md).
#pragma once

#include "base/json_fields.h"
#include "vlm/checkpoint.h"

namespace vega::vlm {

// A null is as absent. `control` has the ids of ground and coord tokens only; sizes that only
// tensors tell (vocab rows, inner widths of heads) stay at their defaults. Keys that vega does not
// know are warned of.
// Throws InputError (a value that vega does not compute, with the reason), FormatError.
VlmConfig read_config(const JsonFields& fields);

}  // namespace vega::vlm
