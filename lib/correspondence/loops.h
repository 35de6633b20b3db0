// The inner loops of this folder, over rows of `channels` elements. A result depends on its rows
// alone: never on threads, neighbours or place in memory.
#pragma once

#include <cstdint>

namespace vega::correspondence {

// The least norm that anything is divided by.
inline constexpr double kLeastNorm = 1e-12;

// Sum of squares, in float64.
double square_sum(const float* x, std::int64_t channels);
double square_sum(const double* x, std::int64_t channels);

// True when every element is finite.
bool all_finite(const float* x, std::int64_t channels);

// sum += x; moments: sum += x - shift, squares += (x - shift)^2.
void add(double* sum, const float* x, std::int64_t channels);
void add_moments(double* sum, double* squares, const double* shift, const float* x,
                 std::int64_t channels);

// sum += factor * x.
void add_scaled(double* sum, double factor, const double* x, std::int64_t channels);

// out = (x - mean) * factor, rounded to float32.
void standardise(float* out, const float* x, const double* mean, const double* factor,
                 std::int64_t channels);
// x *= factor in float64, rounded to float32.
void scale(float* x, double factor, std::int64_t channels);

double dot(const double* a, const double* b, std::int64_t channels);

// In float32, over fixed lanes.
float dot(const float* a, const float* b, std::int64_t channels);

// Rows of b side by side, so that many dot products advance together.
inline constexpr std::int64_t kPanel = 32;
// panel (channels, kPanel): column j is row j of b; columns from `rows` on are 0.
void pack_panel(float* panel, const float* b, std::int64_t rows, std::int64_t channels);
// out[r * kPanel + j] = a[r] . b[j], float32, channels in ascending order; rows is 1 to 4, a (rows,
// channels). The same bits for any number of rows.
void panel_dots(float* out, const float* a, std::int64_t rows, const float* panel,
                std::int64_t channels);

}  // namespace vega::correspondence
