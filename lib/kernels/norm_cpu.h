// The layer norm of one row, shared by the CPU kernels that end with one. Include after cpu_math.h.
#pragma once

#include <cmath>

#include "kernels/cpu_math.h"

namespace vega::kernels::cpu {

// Two passes over a row that lies in the first-level cache.
template <typename T>
VEGA_INLINE void layer_norm_row(const float* __restrict x, T* __restrict out, std::int64_t width,
                                float eps) {
  const auto n = static_cast<float>(width);
  const float mean = sum_lanes(width, [&](std::int64_t i) { return x[i]; }) / n;
  const float squares = sum_lanes(width, [&](std::int64_t i) {
    const float d = x[i] - mean;
    return d * d;
  });
  const float scale = 1.0F / std::sqrt(squares / n + eps);
  for (std::int64_t i = 0; i < width; ++i) out[i] = store<T>((x[i] - mean) * scale);
}

}  // namespace vega::kernels::cpu
