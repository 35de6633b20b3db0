// What config.json says about a SigLIP vision tower.
#pragma once

#include <filesystem>

#include "models/siglip/config.h"

namespace vega::siglip {

// `implied` (by the tensors' shapes), with the numbers that the file states in their place:
// "vision_config", or the whole of a SiglipVisionModel's file. Any other file, such as that of a
// language model around the tower, says nothing. heads 0: neither source tells.
// Throws InputError (another network, layers, picture size or activation), FormatError.
Config config_from_json(const std::filesystem::path& path, Config implied);

// preprocessor_config.json beside a tower: resizing, mean and deviation that vega computes.
// Throws InputError (others), FormatError.
void check_preprocessor(const std::filesystem::path& path);

}  // namespace vega::siglip
