// What config.json says about a Qwen2.5-VL model.
#pragma once

#include <filesystem>

#include "base/json_fields.h"
#include "models/qwen2_5_vl/config.h"

namespace vega::qwen2_5_vl {

// Whether this is a folder whose config.json says model_type "qwen2_5_vl". Throws FormatError (a
// config.json that is no JSON object), InputError (it cannot be read).
bool is_qwen2_5_vl(const std::filesystem::path& folder);
// The same of a configuration that is read already.
bool is_qwen2_5_vl(const JsonFields& file);

// Reads files of the first release and of transformers 4.50 to 5: the decoder's keys at the top or
// in "text_config", vision_config with in_chans or in_channels. What transformers leaves out of a
// vision_config because it equals the default of its class has that default here.
// Throws FormatError (a key that is missing or of another kind, sizes that contradict each other),
// InputError naming key, value and remedy (what vega does not compute: another model, activation,
// patch size; the geometry branch of VG-LLM).
Config config_from_json(const JsonFields& file);

}  // namespace vega::qwen2_5_vl
