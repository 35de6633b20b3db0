#include "exchange/release.h"

#include <algorithm>
#include <array>

#include "base/error.h"

namespace vega::exchange {
namespace {

struct Row {
  std::string_view id, root, file;
  bool halves;
  std::int64_t channels, block, timestep;
};

constexpr std::string_view kData = "data/scannet/uniform_";

constexpr std::array<Row, 22> kRows{{
    {"vae", "vae_features", "vae.pt", false, 4, -1, -1},
    {"sd-2-1-base", "sd2.1_base_features", "diffusion.pt", false, 1280, -1, -1},
    {"svd", "svd_features", "svd.pt", false, 1280, -1, -1},
    {"ijepa-g", "ijepa_g_features", "ijepa.pt", false, 0, -1, -1},
    {"vjepa-g", "vjepa_g_384_features", "vjepa.pt", false, 1408, -1, -1},
    {"seva_resized_step_1_input16", "seva_middle_feats_step1_input16_patch14", "seva.pt", true,
     1280, -1, -1},
    {"seva_resized_step_15_input16", "seva_middle_feats_step15_input16_patch14", "seva.pt", true,
     1280, -1, -1},
    {"seva_resized_step_25_input16", "seva_middle_feats_step25_input16_patch14", "seva.pt", true,
     1280, -1, -1},
    {"seva_resized_step_50_input16", "seva_middle_feats_step50_input16_patch14", "seva.pt", true,
     1280, -1, -1},
    {"seva_resized_pyramid_step_25_input16", "seva_pyramid_feats_step25_input16_patch14", "seva.pt",
     true, 1280, -1, -1},
    {"vmem_resized_step_25_input16", "vmem_middle_feats_step25_input16_patch14", "seva.pt", true,
     1280, -1, -1},
    {"vmem_resized_step_50_input16", "vmem_middle_feats_step50_input16_patch14", "seva.pt", true,
     1280, -1, -1},
    {"vmem_resized_pyramid_step_25_input16", "vmem_pyramid_feats_step25_input16_patch14", "seva.pt",
     true, 1280, -1, -1},
    {"vmem_resized_pyramid_step_50_input16", "vmem_pyramid_feats_step50_input16_patch14", "seva.pt",
     true, 1280, -1, -1},
    {"wan2.1-vace-1.3B-middle20-timestep50", "wan2.1_vace_middle_20_timestep_50_feats", "vace.pt",
     false, 1536, 20, 50},
    {"wan2.1-vace-1.3B-middle20-timestep100", "wan2.1_vace_middle_20_timestep_100_feats", "vace.pt",
     false, 1536, 20, 100},
    {"wan2.1-vace-1.3B-middle20-timestep200", "wan2.1_vace_middle_20_timestep_200_feats", "vace.pt",
     false, 1536, 20, 200},
    {"wan2.1-vace-1.3B-middle20-timestep250", "wan2.1_vace_middle_20_timestep_250_feats", "vace.pt",
     false, 1536, 20, 250},
    {"wan2.1-vace-1.3B-middle20-timestep300", "wan2.1_vace_middle_20_timestep_300_feats", "vace.pt",
     false, 1536, 20, 300},
    {"wan2.1-vace-1.3B-middle20-timestep400", "wan2.1_vace_middle_20_timestep_400_feats", "vace.pt",
     false, 1536, 20, 400},
    {"wan2.1-vace-1.3B-middle15-timestep300", "wan2.1_vace_middle_15_timestep_300_feats", "vace.pt",
     false, 1536, 15, 300},
    {"wan2.1-vace-1.3B-middle12-timestep300", "wan2.1_vace_middle_12_timestep_300_feats", "vace.pt",
     false, 1536, 12, 300},
}};

// (seva|vmem)_onestep_t<N>_input16: all rows are used.
bool read_onestep(std::string_view id, ReleaseModel& model) {
  constexpr std::string_view kMiddle = "_onestep_t", kEnd = "_input16";
  const auto family = id.substr(0, 4);
  if (family != "seva" && family != "vmem") return false;
  if (!id.substr(4).starts_with(kMiddle) || !id.ends_with(kEnd)) return false;
  const auto begin = 4 + kMiddle.size();
  if (id.size() <= begin + kEnd.size()) return false;
  const auto step = id.substr(begin, id.size() - begin - kEnd.size());
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (!std::all_of(step.begin(), step.end(), is_digit)) return false;
  model.root = std::string(kData) + std::string(family) + "_middle_feats_onestep_t" +
               std::string(step) + "_input16_patch14";
  model.file = "seva.pt";
  model.channels = 1280;
  return true;
}

}  // namespace

ReleaseModel release_model(std::string_view id) {
  ReleaseModel model;
  model.id = id;
  if (read_onestep(id, model)) return model;
  std::string known;
  for (const Row& row : kRows) {
    known += "\n  " + std::string(row.id);
    if (row.id != id) continue;
    model.root = std::string(kData) + std::string(row.root);
    model.file = row.file;
    model.halves = row.halves;
    model.channels = row.channels;
    model.block = row.block;
    model.timestep = row.timestep;
    return model;
  }
  throw UsageError("--as: got '" + std::string(id) +
                   "', expected a generative_model_id that the release's offline mode knows:" +
                   known + "\n  seva_onestep_tN_input16, vmem_onestep_tN_input16 (N a number)");
}

}  // namespace vega::exchange
