// A made-up SigLIP checkpoint.
#pragma once

#include <filesystem>

#include "models/siglip/config.h"
#include "synth/model.h"

namespace vega::synth {

// siglip-so400m at its true size; else siglip-tiny: width 144, 2 heads of 72, MLP 288.
siglip::Config siglip_preset(const std::string& name);

// As Hugging Face ships it (27 layers, pooling head, no text model), or as a LLaVA-Video checkpoint
// carries it: 26 layers under its own prefix, in two shards, beside the projector to the language
// model; there config.json does not describe the tower. Throws OutputError.
void write_siglip(const ModelOptions& options, const std::filesystem::path& folder, bool llava);

}  // namespace vega::synth
