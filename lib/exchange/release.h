// The feature files that the VEGA-3D release reads in its offline mode: ids, folders, names.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace vega::exchange {

// The release opens ROOT/SCENE/FILE below its own folder with torch.load: one plain tensor
// [V, C, 14, 14], which it converts to bf16. V must be the number of frames of its run; nothing
// there checks which frames they are.
// Source: H-EmbodVis/VEGA-3D, llava/video_utils.py, VideoProcessor.get_generative_features
// (path_dict, model_load_spec, the one-step pattern); llava/model/llava_arch.py (shape, projector).
struct ReleaseModel {
  std::string id, root, file;
  // The file holds 2V rows, unconditional ones first; the release takes the second half.
  bool halves = false;
  std::int64_t channels = 0;               // generative_feat_dim of its scripts; 0: none there
  std::int64_t block = -1, timestep = -1;  // what the id promises; -1: nothing

  std::filesystem::path path(const std::string& scene) const {
    return std::filesystem::path(root) / scene / file;
  }
};

inline constexpr std::int64_t kReleaseGrid = 14;

// Throws UsageError that lists the known ids.
ReleaseModel release_model(std::string_view id);

}  // namespace vega::exchange
