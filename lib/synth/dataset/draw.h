// Random choices of a data set: a stream of Philox numbers by seed and name, so that what is said
// of one room depends on no other.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/philox.h"

namespace vega::synth {

class Draw {
 public:
  Draw(std::uint64_t seed, std::string_view name) : key_(philox_key(seed)), name_(fnv1a64(name)) {}

  double unit() { return philox_unit(word()); }  // in (0, 1)
  std::size_t below(std::size_t n) {             // 0 to n - 1
    return std::min(n - 1, static_cast<std::size_t>(unit() * static_cast<double>(n)));
  }
  bool chance(double p) { return unit() < p; }
  std::uint32_t word() {
    const std::uint32_t lane = count_ % 4;
    if (lane == 0)
      block_ = philox4x32({count_ / 4, 0x74616c6b, static_cast<std::uint32_t>(name_),
                           static_cast<std::uint32_t>(name_ >> 32)},
                          key_);
    ++count_;
    return block_[lane];
  }
  template <typename T>
  const T& any_of(const std::vector<T>& values) {
    return values[below(values.size())];
  }
  template <typename T>
  void shuffle(std::vector<T>& values) {
    for (std::size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[below(i)]);
  }

 private:
  PhiloxKey key_;
  std::uint64_t name_;
  std::uint32_t count_ = 0;
  PhiloxCounter block_{};
};

}  // namespace vega::synth
