// Towers of the goldens and checkpoints on disk for the tests of lib/models/siglip.
#pragma once

#include <ATen/ATen.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/philox.h"
#include "models/siglip/names.h"
#include "support/support.h"
#include "support/tiny_weights.h"
#include "synth/model.h"

namespace vega::test {

inline siglip::Config tiny_siglip_config() {
  siglip::Config c;
  c.width = 144, c.heads = 2, c.mlp = 288;
  return c;
}

// One layer of the true size over 3x3 patches.
inline siglip::Config wide_siglip_config() {
  siglip::Config c;
  c.layers = 1, c.grid = 3;
  return c;
}

inline OwnedTensors siglip_weights(const siglip::Config& config) {
  OwnedTensors out;
  for (const auto& spec : siglip::tower_tensors(config))
    out.add(spec.canonical, spec.shape, weight_values("siglip." + spec.canonical, spec.shape));
  return out;
}

// (1, 3, side, side), uniform in (-1, 1): what tests/golden/export_siglip.py shows the tower.
inline at::Tensor siglip_pixels(const std::string& name, std::int64_t side) {
  std::vector<float> values(static_cast<std::size_t>(3 * side * side));
  uniform_tensor(42, name, 0, 1, 0, values);
  return at::tensor(at::ArrayRef<float>(values)).reshape({1, 3, side, side});
}

// siglip-tiny in both layouts: the folders.
inline std::vector<std::filesystem::path> write_siglip(const std::filesystem::path& folder) {
  synth::ModelOptions options;
  options.folder = folder;
  options.preset = "siglip-tiny", options.layout = "both";
  options.progress = ProgressMode::kOff;
  return synth::write_model(options);
}

}  // namespace vega::test
