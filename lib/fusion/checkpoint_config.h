// What a checkpoint's config.json says about projectors and fusion, for both releases and vega's
// own checkpoints.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "fusion/checkpoint.h"
#include "fusion/fusion.h"
#include "fusion/projector.h"

namespace vega::fusion {

// Absent: not said (a missing key, or null as the release stores None).
struct SaidConfig {
  std::filesystem::path path;         // empty: no config.json
  std::optional<std::string> method;  // feature_fusion_method, generative_fusion_method
  std::optional<std::string> form;    // feature_fusion_form (vega's own)
  std::optional<bool> fuses;          // use_feat_fusion, use_generative_feature: both, where said
  std::optional<std::int64_t> heads, layers, width, semantic_in, generative_in, merger_hidden;
  std::optional<double> dropout;
  std::optional<std::string> semantic_type, generative_type, merger_type;
  const char* fuses_key = "";        // the key that says `fuses`
  bool initial_values = false;       // vega_initial_values (vega's own): never trained
  TrainedOn trained_on;              // generative_vision_tower_*
  std::vector<std::string> unknown;  // keys of projectors and fusion that vega does not know
};

// `spatial`: the keys of the spatial-reasoning release. A missing file says nothing. Keys of
// projectors and fusion that vega does not know are named in one warning. Throws FormatError (path,
// key, got, expected), InputError for a value that would make other tokens than vega computes.
SaidConfig read_said_config(const std::filesystem::path& path, bool spatial);

// The JSON text that read_said_config (scene) reads back.
std::string config_text(const ProjectorConfig& semantic, const ProjectorConfig& generative,
                        const FusionConfig& fusion);

}  // namespace vega::fusion
