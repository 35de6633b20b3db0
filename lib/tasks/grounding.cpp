#include "tasks/grounding.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace vega::tasks {

std::vector<std::size_t> chosen_boxes(std::span<const double> scores, const BoxChoice& choice) {
  constexpr float kTemperature = 0.07F;
  std::vector<std::size_t> out;
  if (scores.size() < 2) return out;
  const auto largest =
      static_cast<std::size_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
  if (largest + 1 == scores.size()) return out;
  std::vector<float> probability(scores.size());
  const float top = static_cast<float>(scores[largest]) / kTemperature;
  float all = 0;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    probability[i] = std::exp(static_cast<float>(scores[i]) / kTemperature - top);
    all += probability[i];
  }
  if (choice.renormalised) all -= probability.back();
  probability.pop_back();
  for (float& p : probability) p /= all;
  std::vector<std::size_t> order(probability.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return probability[a] > probability[b]; });
  float sum = 0;
  for (const std::size_t place : order) {
    out.push_back(place);
    sum += probability[place];
    if (sum >= static_cast<float>(choice.threshold)) break;
  }
  return out;
}

}  // namespace vega::tasks
