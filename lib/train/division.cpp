#include "train/division.h"

#include <algorithm>
#include <span>

namespace vega::train {
namespace {

struct Sums {
  std::int64_t samples = 0, worded = 0, targets = 0;

  void add(std::span<const Counted> batch) {
    for (const Counted& one : batch) {
      if (one.targets == 0) continue;
      ++samples;
      if (one.grounding) continue;
      ++worded;
      targets += one.targets;
    }
  }

  double weight(const Counted& one) const {
    if (one.targets == 0) return 0;
    if (one.grounding) return 1 / static_cast<double>(samples);
    return static_cast<double>(worded) / static_cast<double>(samples) /
           static_cast<double>(targets);
  }
};

}  // namespace

std::vector<std::vector<double>> divided(const std::vector<std::vector<Counted>>& batches,
                                         Division division) {
  Sums whole;
  std::int64_t counted = 0;  // micro-batches with a target
  for (const auto& batch : batches) {
    Sums own;
    own.add(batch);
    whole.add(batch);
    counted += own.samples > 0 ? 1 : 0;
  }
  std::vector<std::vector<double>> out;
  for (const auto& batch : batches) {
    Sums own;
    own.add(batch);
    std::vector<double> weights;
    for (const Counted& one : batch)
      weights.push_back(division == Division::kToken
                            ? whole.weight(one)
                            : own.weight(one) /
                                  static_cast<double>(std::max<std::int64_t>(1, counted)));
    out.push_back(std::move(weights));
  }
  return out;
}

}  // namespace vega::train
