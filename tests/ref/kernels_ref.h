// Oracles of lib/kernels: the formulas in plain double loops over row-major data.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace vega::ref {

using Values = std::vector<double>;

inline double silu(double x) { return x / (1 + std::exp(-x)); }

inline double gelu_tanh(double x) {
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}

// x (rows, channels).
inline Values rms_silu(const Values& x, const Values& scale, bool with_silu) {
  const std::size_t channels = scale.size();
  Values out(x.size());
  for (std::size_t row = 0; row < x.size(); row += channels) {
    double squares = 0;
    for (std::size_t c = 0; c < channels; ++c) squares += x[row + c] * x[row + c];
    const double norm = std::max(std::sqrt(squares), 1e-12);
    for (std::size_t c = 0; c < channels; ++c) {
      const double value = x[row + c] / norm * scale[c];
      out[row + c] = with_silu ? silu(value) : value;
    }
  }
  return out;
}

// x (rows, width).
inline Values layer_norm(const Values& x, std::size_t width, double eps) {
  Values out(x.size());
  for (std::size_t row = 0; row < x.size(); row += width) {
    double mean = 0;
    for (std::size_t i = 0; i < width; ++i) mean += x[row + i] / static_cast<double>(width);
    double variance = 0;
    for (std::size_t i = 0; i < width; ++i) {
      variance += (x[row + i] - mean) * (x[row + i] - mean) / static_cast<double>(width);
    }
    for (std::size_t i = 0; i < width; ++i) {
      out[row + i] = (x[row + i] - mean) / std::sqrt(variance + eps);
    }
  }
  return out;
}

inline double mean_square(const double* x, std::size_t width) {
  double sum = 0;
  for (std::size_t i = 0; i < width; ++i) sum += x[i] * x[i];
  return sum / static_cast<double>(width);
}

struct QkNormRope {
  std::size_t frames, tokens, heads, head_dim;
  double eps;
};

// part 0, 1, 2 of qkv (frames, tokens, 3 width): q and k normed and rotated, v as it is; all in the
// order (frames, heads, tokens, head_dim).
inline Values qk_norm_rope(const Values& qkv, const Values& weight, const Values& rope,
                           std::size_t part, const QkNormRope& p) {
  const std::size_t width = p.heads * p.head_dim;
  Values out(p.frames * p.tokens * width);
  for (std::size_t n = 0; n < p.frames; ++n) {
    for (std::size_t l = 0; l < p.tokens; ++l) {
      const double* x = qkv.data() + ((n * p.tokens + l) * 3 + part) * width;
      const double scale = 1 / std::sqrt(mean_square(x, width) + p.eps);
      for (std::size_t h = 0; h < p.heads; ++h) {
        for (std::size_t j = 0; j < p.head_dim; ++j) {
          const auto normed = [&](std::size_t i) {
            const std::size_t c = h * p.head_dim + i;
            return x[c] * scale * weight[c];
          };
          const std::size_t even = j / 2 * 2;
          const double cosine = rope[l * p.head_dim + even];
          const double sine = rope[l * p.head_dim + even + 1];
          const double rotated = j == even ? normed(even) * cosine - normed(even + 1) * sine
                                           : normed(even) * sine + normed(even + 1) * cosine;
          out[((n * p.heads + h) * p.tokens + l) * p.head_dim + j] =
              part == 2 ? x[h * p.head_dim + j] : rotated;
        }
      }
    }
  }
  return out;
}

struct Gate {
  std::size_t width, columns, heads, keys;
  double log_pad, eps;
};

// x (rows, width), ql (rows, columns), c (width), u (heads * keys, width).
inline Values cross_gate(Values x, const Values& ql, const Values& c, const Values& u,
                         const Gate& g) {
  for (std::size_t row = 0; row < x.size() / g.width; ++row) {
    const double* q = ql.data() + row * g.columns;
    const double scale = 1 / std::sqrt(mean_square(q, g.width) + g.eps);
    for (std::size_t i = 0; i < g.width; ++i) x[row * g.width + i] += c[i];
    for (std::size_t h = 0; h < g.heads; ++h) {
      const auto key = [&](std::size_t i) { return std::exp(q[g.width + h * g.keys + i] * scale); };
      double total = std::exp(g.log_pad);
      for (std::size_t i = 0; i < g.keys; ++i) total += key(i);
      for (std::size_t k = 0; k < g.keys; ++k) {
        for (std::size_t i = 0; i < g.width; ++i) {
          x[row * g.width + i] += key(k) / total * u[(h * g.keys + k) * g.width + i];
        }
      }
    }
  }
  return x;
}

struct Pooling {
  std::size_t frames, gh, gw, oh, ow, width;
};

// x (frames, gh * gw, width); every cell is asked whether it lies in the window.
inline Values pool_tokens(const Values& x, const Pooling& g, bool gelu) {
  Values out(g.frames * g.oh * g.ow * g.width);
  const auto inside = [](std::size_t i, std::size_t o, std::size_t n, std::size_t m) {
    const double first = std::floor(static_cast<double>(o * n) / static_cast<double>(m));
    const double last = std::ceil(static_cast<double>((o + 1) * n) / static_cast<double>(m));
    return static_cast<double>(i) >= first && static_cast<double>(i) < last;
  };
  for (std::size_t o = 0; o < out.size(); ++o) {
    const std::size_t c = o % g.width;
    const std::size_t ox = o / g.width % g.ow;
    const std::size_t oy = o / g.width / g.ow % g.oh;
    const std::size_t n = o / g.width / g.ow / g.oh;
    double sum = 0;
    double cells = 0;
    for (std::size_t i = 0; i < g.gh * g.gw; ++i) {
      if (!inside(i / g.gw, oy, g.gh, g.oh) || !inside(i % g.gw, ox, g.gw, g.ow)) continue;
      const double value = x[(n * g.gh * g.gw + i) * g.width + c];
      sum += gelu ? gelu_tanh(value) : value;
      cells += 1;
    }
    out[o] = sum / cells;
  }
  return out;
}

// q (batch, queries, width), k and v (batch, keys, width): softmax(q k^T) v.
inline Values attention(const Values& q, const Values& k, const Values& v, std::size_t batch,
                        std::size_t width) {
  const std::size_t queries = q.size() / batch / width;
  const std::size_t keys = k.size() / batch / width;
  Values out(q.size());
  for (std::size_t b = 0; b < batch; ++b) {
    for (std::size_t l = 0; l < queries; ++l) {
      Values weight(keys);
      double top = -INFINITY;
      for (std::size_t j = 0; j < keys; ++j) {
        for (std::size_t i = 0; i < width; ++i) {
          weight[j] += q[(b * queries + l) * width + i] * k[(b * keys + j) * width + i];
        }
        top = std::max(top, weight[j]);
      }
      double total = 0;
      for (auto& w : weight) total += w = std::exp(w - top);
      for (std::size_t j = 0; j < keys; ++j) {
        for (std::size_t i = 0; i < width; ++i) {
          out[(b * queries + l) * width + i] += weight[j] / total * v[(b * keys + j) * width + i];
        }
      }
    }
  }
  return out;
}

}  // namespace vega::ref
