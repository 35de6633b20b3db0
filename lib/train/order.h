// Random orders that depend on a key and a domain alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "base/philox.h"

namespace vega::train {

// A number below `bound` (1 to 2^32): the high half of word times bound.
inline std::size_t bounded(std::uint32_t word, std::size_t bound) {
  return static_cast<std::size_t>((std::uint64_t{word} * bound) >> 32);
}

// Shuffles by Fisher and Yates: number i comes of Philox, key `seed`, counter (i, round,
// FNV-1a-64(domain)).
template <typename T>
void shuffle(std::vector<T>& values, std::uint64_t seed, std::uint32_t round,
             std::string_view domain) {
  const std::uint64_t name = fnv1a64(domain);
  for (std::size_t i = values.size(); i > 1; --i) {
    const PhiloxCounter words =
        philox4x32({static_cast<std::uint32_t>(i), round, static_cast<std::uint32_t>(name),
                    static_cast<std::uint32_t>(name >> 32)},
                   philox_key(seed));
    std::swap(values[i - 1], values[bounded(words[0], i)]);
  }
}

}  // namespace vega::train
