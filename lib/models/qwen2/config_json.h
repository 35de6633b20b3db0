// What config.json says about a Qwen2 decoder, alone or inside a larger model.
#pragma once

#include <filesystem>

#include "base/json_fields.h"
#include "models/qwen2/config.h"

namespace vega::qwen2 {

// Reads the keys of all versions of transformers up to 5: rope_theta, rope_scaling and
// rope_parameters; torch_dtype and dtype; head_dim; sliding windows; those of "text_config" where
// there is one, which then come before the same keys outside of it.
// Keys of the text model that are not known are warned of where it is a "text_config"; in a flat
// file the caller does that (models/config_keys.h), after it has read its own keys.
// Throws FormatError (a key that is missing or of another kind: rope_theta, too, has no default),
// InputError naming key, value and remedy (what vega does not compute: another model, activation or
// rope scaling, sliding windows, layers of other kinds).
Config config_from_json(const JsonFields& file);

// The same of a file that describes nothing else; warns of keys that are not known. Throws also
// InputError when the file cannot be opened.
Config config_from_json(const std::filesystem::path& path);

}  // namespace vega::qwen2
