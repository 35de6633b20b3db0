#include "exchange/release.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/error.h"

namespace vega::exchange {
namespace {

constexpr std::string_view kData = "data/scannet/uniform_";

// All ids but the one-step ones, of which any number is known.
std::vector<ReleaseModel> known_models() {
  std::vector<ReleaseModel> all;
  const auto add = [&](std::string id, std::string_view root, std::string file,
                       std::int64_t channels) -> ReleaseModel& {
    all.push_back({std::move(id), fmt::format("{}{}", kData, root), std::move(file)});
    all.back().channels = channels;
    return all.back();
  };
  add("vae", "vae_features", "vae.pt", 4);
  add("sd-2-1-base", "sd2.1_base_features", "diffusion.pt", 1280);
  add("svd", "svd_features", "svd.pt", 1280);
  add("ijepa-g", "ijepa_g_features", "ijepa.pt", 0);
  add("vjepa-g", "vjepa_g_384_features", "vjepa.pt", 1408);
  struct Steps {
    std::string_view id, root;
    std::vector<int> steps;
  };
  for (const auto& [id, root, steps] : {Steps{"seva_resized", "seva_middle", {1, 15, 25, 50}},
                                        {"seva_resized_pyramid", "seva_pyramid", {25}},
                                        {"vmem_resized", "vmem_middle", {25, 50}},
                                        {"vmem_resized_pyramid", "vmem_pyramid", {25, 50}}}) {
    for (const int step : steps)
      add(fmt::format("{}_step_{}_input16", id, step),
          fmt::format("{}_feats_step{}_input16_patch14", root, step), "seva.pt", 1280)
          .halves = true;
  }
  for (const auto& [block, timestep] : {std::pair{20, 50},
                                        {20, 100},
                                        {20, 200},
                                        {20, 250},
                                        {20, 300},
                                        {20, 400},
                                        {15, 300},
                                        {12, 300}}) {
    ReleaseModel& model = add(
        fmt::format("wan2.1-vace-1.3B-middle{}-timestep{}", block, timestep),
        fmt::format("wan2.1_vace_middle_{}_timestep_{}_feats", block, timestep), "vace.pt", 1536);
    model.block = block;
    model.timestep = timestep;
  }
  return all;
}

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
  for (ReleaseModel& one : known_models()) {
    if (one.id == id) return std::move(one);
    known += "\n  " + one.id;
  }
  throw UsageError("--as: got '" + std::string(id) +
                   "', expected a generative_model_id that the release's offline mode knows:" +
                   known + "\n  seva_onestep_tN_input16, vmem_onestep_tN_input16 (N a number)");
}

}  // namespace vega::exchange
