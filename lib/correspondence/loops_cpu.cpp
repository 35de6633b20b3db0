#include "correspondence/loops.h"

#include <cstring>

#include "kernels/cpu_math.h"

namespace vega::correspondence {
namespace {

// Double sums over eight fixed lanes.
template <typename F>
VEGA_INLINE double sum_f64(std::int64_t n, F f) {
  constexpr int kWide = 8;
  double lanes[kWide] = {};
  std::int64_t i = 0;
  for (; i + kWide <= n; i += kWide) {
    for (int l = 0; l < kWide; ++l) lanes[l] += f(i + l);
  }
  for (int l = 0; i < n; ++i, ++l) lanes[l] += f(i);
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) +
         ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

// Sums of `Rows` rows stay in registers while the channels pass.
template <int Rows>
VEGA_INLINE void dots_of(float* out, const float* a, const float* panel, std::int64_t channels) {
  float sums[Rows][kPanel] = {};
  for (std::int64_t c = 0; c < channels; ++c) {
    const float* b = panel + c * kPanel;
    for (int r = 0; r < Rows; ++r) {
      const float value = a[r * channels + c];
      for (int j = 0; j < kPanel; ++j) sums[r][j] += value * b[j];
    }
  }
  for (int r = 0; r < Rows; ++r) {
    for (int j = 0; j < kPanel; ++j) out[r * kPanel + j] = sums[r][j];
  }
}

}  // namespace

VEGA_CLONES double square_sum(const float* x, std::int64_t channels) {
  return sum_f64(channels, [x](std::int64_t i) { return double(x[i]) * double(x[i]); });
}

VEGA_CLONES double square_sum(const double* x, std::int64_t channels) {
  return sum_f64(channels, [x](std::int64_t i) { return x[i] * x[i]; });
}

VEGA_CLONES bool all_finite(const float* x, std::int64_t channels) {
  std::uint32_t bad = 0;  // of integers: the optimiser may not assume anything about them
  for (std::int64_t i = 0; i < channels; ++i) {
    bad |= (__builtin_bit_cast(std::uint32_t, x[i]) & 0x7f800000U) == 0x7f800000U ? 1U : 0U;
  }
  return bad == 0;
}

VEGA_CLONES void add(double* __restrict sum, const float* __restrict x, std::int64_t channels) {
  for (std::int64_t i = 0; i < channels; ++i) sum[i] += x[i];
}

VEGA_CLONES void add_moments(double* __restrict sum, double* __restrict squares,
                             const double* __restrict shift, const float* __restrict x,
                             std::int64_t channels) {
  for (std::int64_t i = 0; i < channels; ++i) {
    const double d = x[i] - shift[i];
    sum[i] += d;
    squares[i] += d * d;
  }
}

VEGA_CLONES void add_scaled(double* __restrict sum, double factor, const double* __restrict x,
                            std::int64_t channels) {
  for (std::int64_t i = 0; i < channels; ++i) sum[i] += factor * x[i];
}

VEGA_CLONES void standardise(float* __restrict out, const float* __restrict x,
                             const double* __restrict mean, const double* __restrict factor,
                             std::int64_t channels) {
  for (std::int64_t i = 0; i < channels; ++i) {
    out[i] = static_cast<float>((x[i] - mean[i]) * factor[i]);
  }
}

VEGA_CLONES void scale(float* x, double factor, std::int64_t channels) {
  for (std::int64_t i = 0; i < channels; ++i) x[i] = static_cast<float>(x[i] * factor);
}

VEGA_CLONES double dot(const double* a, const double* b, std::int64_t channels) {
  return sum_f64(channels, [a, b](std::int64_t i) { return a[i] * b[i]; });
}

VEGA_CLONES float dot(const float* a, const float* b, std::int64_t channels) {
  return kernels::cpu::sum_lanes(channels, [a, b](std::int64_t i) { return a[i] * b[i]; });
}

void pack_panel(float* panel, const float* b, std::int64_t rows, std::int64_t channels) {
  std::memset(panel, 0, sizeof(float) * static_cast<std::size_t>(channels * kPanel));
  for (std::int64_t j = 0; j < rows; ++j) {
    for (std::int64_t c = 0; c < channels; ++c) panel[c * kPanel + j] = b[j * channels + c];
  }
}

VEGA_CLONES void panel_dots(float* __restrict out, const float* __restrict a, std::int64_t rows,
                            const float* __restrict panel, std::int64_t channels) {
  switch (rows) {
    case 4: return dots_of<4>(out, a, panel, channels);
    case 3: return dots_of<3>(out, a, panel, channels);
    case 2: return dots_of<2>(out, a, panel, channels);
    default: return dots_of<1>(out, a, panel, channels);
  }
}

}  // namespace vega::correspondence
