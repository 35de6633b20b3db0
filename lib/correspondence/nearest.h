// Nearest neighbours by cosine, exact, never with the whole matrix in memory.
#pragma once

#include <cstdint>
#include <vector>

namespace vega {

// For each of n rows: the most similar row of the other side and the second most similar one.
// Equal similarities: the first index wins. -1 and -infinity where the other side has too few.
struct Nearest {
  std::vector<std::int32_t> best, second;
  std::vector<float> best_cosine, second_cosine;
};

// a (n, channels), b (m, channels): unit rows. Dot products in float32, channels in ascending
// order: a value is the same bits in nearest_rows(a, b) and nearest_rows(b, a).
Nearest nearest_rows(const float* a, std::int64_t n, const float* b, std::int64_t m,
                     std::int64_t channels, int threads = 1);

}  // namespace vega
