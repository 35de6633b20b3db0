// config.json of a model in training.
#pragma once

#include "base/json.h"
#include "vlm/checkpoint.h"

namespace vega::vlm {

// The config.json in checkpoint.config_folder with what the checkpoint's configuration says now,
// under the official keys: read_config and read_said_config read the same back. Throws what reading
// that file throws.
Json training_config(const VlmCheckpoint& checkpoint);

}  // namespace vega::vlm
