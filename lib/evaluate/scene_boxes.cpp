#include "evaluate/scene_boxes.h"

#include <algorithm>

#include "store/scene_file.h"

namespace vega::evaluate {

std::map<std::int64_t, std::array<double, 6>> scene_boxes(const std::filesystem::path& scene_file) {
  const SceneObjects objects = SceneReader(scene_file).objects(ObjectKind::kGt);
  std::map<std::int64_t, std::array<double, 6>> out;
  for (std::size_t i = 0; i < objects.id.size(); ++i) {
    std::array<double, 6>& box = out[objects.id[i]];
    std::copy_n(objects.box[i].begin(), 6, box.begin());
  }
  return out;
}

std::map<std::int64_t, std::array<double, 6>> scene_proposals(
    const std::filesystem::path& scene_file) {
  const SceneObjects objects = SceneReader(scene_file).objects(ObjectKind::kProposal);
  std::map<std::int64_t, std::array<double, 6>> out;
  for (std::size_t i = 0; i < objects.id.size(); ++i) {
    std::array<double, 6>& box = out[static_cast<std::int64_t>(i)];
    std::copy_n(objects.box[i].begin(), 6, box.begin());
  }
  return out;
}

}  // namespace vega::evaluate
