#include "extract/batching.h"

#include <algorithm>

namespace vega::extract {

std::int64_t Batching::size(std::size_t frames) const {
  const std::int64_t most = most_;
  if (chosen_ || frames == 0) return most;
  const auto all = static_cast<std::int64_t>(frames);
  const std::int64_t batches = (all + most - 1) / most;
  return (all + batches - 1) / batches;
}

void Batching::fit(std::int64_t fitting) {
  if (fitted()) return;
  fitted_ = true;
  // Sizes that many scenes share let their features be equal bit by bit.
  const std::int64_t even = fitting >= 16 ? 16 : fitting >= 8 ? 8 : fitting;
  most_ = std::clamp<std::int64_t>(even, 1, most_);
}

bool Batching::halve(std::int64_t size) {
  if (chosen_ || size <= 1) return false;
  most_ = size / 2;
  return true;
}

}  // namespace vega::extract
