#include "vlm/prediction.h"

#include <c10/util/BFloat16.h>

#include <algorithm>

namespace vega::vlm {

tasks::Prediction prediction_of(const SceneInput& scene, const Grounding& found,
                                GeometryType geometry) {
  tasks::Prediction out;
  for (const Box& box : scene.boxes) {
    tasks::BoxNumbers numbers{};
    std::ranges::transform(box, numbers.begin(), [geometry](float x) {
      return geometry == GeometryType::kBf16 ? static_cast<float>(c10::BFloat16(x)) : x;
    });
    out.objects.push_back(numbers);
  }
  out.scores.assign(found.scores.begin(), found.scores.end());
  out.scores.push_back(found.none.value_or(kNeverChosen));
  out.ids.assign(scene.object_ids.begin(), scene.object_ids.end());
  return out;
}

}  // namespace vega::vlm
