// Oracles of the decoder's kernels: plain loops in double. `round` is the rounding of the type that
// the kernel rounds to between its steps (identity for float32).
#pragma once

#include <cmath>
#include <cstddef>
#include <functional>
#include <vector>

#include "ref/kernels_ref.h"

namespace vega::ref {

using Round = std::function<double(double)>;

// x (rows, in), weight (width, in), bias (width) or empty.
inline Values row_linear(const Values& x, const Values& weight, const Values& bias,
                         std::size_t in) {
  const std::size_t rows = x.size() / in, width = weight.size() / in;
  Values out(rows * width);
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t n = 0; n < width; ++n) {
      double sum = bias.empty() ? 0 : bias[n];
      for (std::size_t i = 0; i < in; ++i) sum += x[r * in + i] * weight[n * in + i];
      out[r * width + n] = sum;
    }
  }
  return out;
}

inline Values rms_norm(const Values& x, const Values& weight, double eps, const Round& round) {
  const std::size_t width = weight.size();
  Values out(x.size());
  for (std::size_t r = 0; r < x.size(); r += width) {
    double squares = 0;
    for (std::size_t i = 0; i < width; ++i) squares += x[r + i] * x[r + i];
    const double scale = 1 / std::sqrt(squares / static_cast<double>(width) + eps);
    for (std::size_t i = 0; i < width; ++i) out[r + i] = weight[i] * round(x[r + i] * scale);
  }
  return out;
}

// x (rows, heads, width), cos and sin (rows, width / 2).
inline Values rope(const Values& x, const Values& cos, const Values& sin, std::size_t heads,
                   std::size_t width, const Round& round) {
  Values out(x.size());
  const std::size_t half = width / 2, rows = x.size() / (heads * width);
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t h = 0; h < heads; ++h) {
      for (std::size_t j = 0; j < half; ++j) {
        const std::size_t a = (r * heads + h) * width + j, b = a + half, t = r * half + j;
        out[a] = round(x[a] * cos[t]) - round(x[b] * sin[t]);
        out[b] = round(x[b] * cos[t]) + round(x[a] * sin[t]);
      }
    }
  }
  return out;
}

inline Values swiglu(const Values& gate, const Values& up, const Round& round) {
  Values out(gate.size());
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = round(gate[i] / (1 + std::exp(-gate[i]))) * up[i];
  return out;
}

// q (rows, heads, width), keys and values (kv heads, tokens, width).
inline Values causal_attention(const Values& q, const Values& keys, const Values& values,
                               std::size_t heads, std::size_t kv_heads, std::size_t width) {
  const std::size_t rows = q.size() / (heads * width), tokens = keys.size() / (kv_heads * width);
  Values out(q.size());
  for (std::size_t r = 0; r < rows; ++r) {
    const std::size_t seen = tokens - rows + r + 1;
    for (std::size_t h = 0; h < heads; ++h) {
      const std::size_t key_head = h / (heads / kv_heads), at = (r * heads + h) * width;
      Values shares(seen);
      double sum = 0;
      for (std::size_t t = 0; t < seen; ++t) {
        double score = 0;
        for (std::size_t d = 0; d < width; ++d)
          score += q[at + d] * keys[(key_head * tokens + t) * width + d];
        sum += shares[t] = std::exp(score / std::sqrt(static_cast<double>(width)));
      }
      for (std::size_t t = 0; t < seen; ++t) {
        for (std::size_t d = 0; d < width; ++d)
          out[at + d] += shares[t] / sum * values[(key_head * tokens + t) * width + d];
      }
    }
  }
  return out;
}

}  // namespace vega::ref
