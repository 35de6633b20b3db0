#include <cmath>

#include "kernels/train_entry.h"

#include "kernels/cpu_math.h"

namespace vega::kernels::cpu {
namespace {

template <typename T>
VEGA_INLINE void norm_backward(const T* __restrict dy, const T* __restrict x,
                               const T* __restrict weight, T* __restrict dx, std::int64_t width,
                               float eps) {
  const auto n = static_cast<float>(width);
  const float squares = sum_lanes(width, [&](std::int64_t i) { return load(x[i]) * load(x[i]); });
  const float scale = 1.0F / std::sqrt(squares / n + eps);
  const float along = sum_lanes(
      width, [&](std::int64_t i) { return load(dy[i]) * load(weight[i]) * (load(x[i]) * scale); });
  const float mean = along / n;
  for (std::int64_t i = 0; i < width; ++i)
    dx[i] = store<T>(scale * (load(dy[i]) * load(weight[i]) - load(x[i]) * scale * mean));
}

VEGA_CLONES void norm_backward_f32(const float* dy, const float* x, const float* weight, float* dx,
                                   std::int64_t width, float eps) {
  norm_backward(dy, x, weight, dx, width, eps);
}
VEGA_CLONES void norm_backward_bf16(const std::uint16_t* dy, const std::uint16_t* x,
                                    const std::uint16_t* weight, std::uint16_t* dx,
                                    std::int64_t width, float eps) {
  norm_backward(dy, x, weight, dx, width, eps);
}

template <typename T>
VEGA_INLINE void swiglu_values_of(const T* __restrict gate, const T* __restrict up,
                                  T* __restrict out, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i)
    out[i] = store<T>(load(store<T>(silu_f32(load(gate[i])))) * load(up[i]));
}
VEGA_CLONES void swiglu_of_f32(const float* gate, const float* up, float* out, std::int64_t count) {
  swiglu_values_of(gate, up, out, count);
}
VEGA_CLONES void swiglu_of_bf16(const std::uint16_t* gate, const std::uint16_t* up,
                                std::uint16_t* out, std::int64_t count) {
  swiglu_values_of(gate, up, out, count);
}

// d silu(g) / dg = s (1 + g (1 - s)), s = sigmoid(g)
template <typename T>
VEGA_INLINE void swiglu_slopes(const T* __restrict dy, const T* __restrict gate,
                               const T* __restrict up, T* __restrict d_gate, T* __restrict d_up,
                               std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float g = load(gate[i]), d = load(dy[i]);
    const float sigmoid = 1.0F / (1.0F + exp_of_number(-g));
    d_up[i] = store<T>(d * load(store<T>(g * sigmoid)));
    d_gate[i] = store<T>(d * load(up[i]) * (sigmoid * (1.0F + g * (1.0F - sigmoid))));
  }
}
VEGA_CLONES void swiglu_slopes_f32(const float* dy, const float* gate, const float* up,
                                   float* d_gate, float* d_up, std::int64_t count) {
  swiglu_slopes(dy, gate, up, d_gate, d_up, count);
}
VEGA_CLONES void swiglu_slopes_bf16(const std::uint16_t* dy, const std::uint16_t* gate,
                                    const std::uint16_t* up, std::uint16_t* d_gate,
                                    std::uint16_t* d_up, std::int64_t count) {
  swiglu_slopes(dy, gate, up, d_gate, d_up, count);
}

// Blocks of Philox side by side, word by word (base/philox.h has the plain form).
constexpr int kSide = 16;
struct Words {
  std::uint32_t at[4][kSide];
};

VEGA_INLINE void philox_round(Words& c, std::uint32_t k0, std::uint32_t k1) {
  for (int i = 0; i < kSide; ++i) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53U} * c.at[0][i];
    const std::uint64_t p1 = std::uint64_t{0xCD9E8D57U} * c.at[2][i];
    const std::uint32_t one = c.at[1][i], three = c.at[3][i];
    c.at[0][i] = static_cast<std::uint32_t>(p1 >> 32) ^ one ^ k0;
    c.at[1][i] = static_cast<std::uint32_t>(p1);
    c.at[2][i] = static_cast<std::uint32_t>(p0 >> 32) ^ three ^ k1;
    c.at[3][i] = static_cast<std::uint32_t>(p0);
  }
}

// 64 elements from the block on.
VEGA_CLONES void keep_side(const KeepWords& words, std::uint32_t block, std::uint8_t* keep) {
  Words c;
  for (int i = 0; i < kSide; ++i) {
    c.at[0][i] = block + static_cast<std::uint32_t>(i);
    c.at[1][i] = words.step;
    c.at[2][i] = static_cast<std::uint32_t>(words.hash);
    c.at[3][i] = static_cast<std::uint32_t>(words.hash >> 32);
  }
  auto k0 = static_cast<std::uint32_t>(words.seed);
  auto k1 = static_cast<std::uint32_t>(words.seed >> 32);
  for (int round = 0; round < 10; ++round) {
    philox_round(c, k0, k1);
    k0 += 0x9E3779B9U;
    k1 += 0xBB67AE85U;
  }
  for (int i = 0; i < kSide; ++i) {
    for (int lane = 0; lane < 4; ++lane)
      keep[4 * i + lane] = static_cast<std::uint8_t>(c.at[lane][i] >= words.threshold);
  }
}

template <bool kAdd, typename T>
VEGA_INLINE void drop(const T* __restrict x, const std::uint8_t* __restrict keep, float scale,
                      T* __restrict out, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float factor = scale * static_cast<float>(keep[i]);
    const float value = load(x[i]) * factor;
    if constexpr (kAdd) {
      out[i] = store<T>(load(out[i]) + value);
    } else {
      out[i] = store<T>(value);
    }
  }
}
VEGA_CLONES void drop_f32(const float* x, const std::uint8_t* keep, float scale, float* out,
                          std::int64_t count) {
  drop<false>(x, keep, scale, out, count);
}
VEGA_CLONES void drop_add_f32(const float* x, const std::uint8_t* keep, float scale, float* out,
                              std::int64_t count) {
  drop<true>(x, keep, scale, out, count);
}
VEGA_CLONES void drop_bf16(const std::uint16_t* x, const std::uint8_t* keep, float scale,
                           std::uint16_t* out, std::int64_t count) {
  // What LibTorch multiplies with in bfloat16.
  drop<false>(x, keep, widen(narrow(scale)), out, count);
}
VEGA_CLONES void drop_add_bf16(const std::uint16_t* x, const std::uint8_t* keep, float scale,
                               std::uint16_t* out, std::int64_t count) {
  drop<true>(x, keep, widen(narrow(scale)), out, count);
}

// Sums of 4,096 exponentials at a time, those in double: a vocabulary has 150,000.
VEGA_CLONES float exponentials(float* __restrict row, float most, std::int64_t vocab) {
  constexpr std::int64_t kBlock = 4096;
  double sum = 0;
  for (std::int64_t at = 0; at < vocab; at += kBlock) {
    const std::int64_t count = at + kBlock < vocab ? kBlock : vocab - at;
    float* __restrict block = row + at;
    for (std::int64_t i = 0; i < count; ++i) block[i] = exp_f32(block[i] - most);
    sum += static_cast<double>(sum_lanes(count, [&](std::int64_t i) { return block[i]; }));
  }
  return static_cast<float>(sum);
}
// A NaN is passed over here, and comes out of the exponentials.
VEGA_CLONES float largest(const float* __restrict row, std::int64_t vocab) {
  float lanes[kLanes];
  for (float& lane : lanes) lane = row[0];
  std::int64_t i = 0;
  for (; i + kLanes <= vocab; i += kLanes) {
    for (int l = 0; l < kLanes; ++l) lanes[l] = row[i + l] > lanes[l] ? row[i + l] : lanes[l];
  }
  for (; i < vocab; ++i) lanes[0] = row[i] > lanes[0] ? row[i] : lanes[0];
  for (int l = 1; l < kLanes; ++l) lanes[0] = lanes[l] > lanes[0] ? lanes[l] : lanes[0];
  return lanes[0];
}
VEGA_CLONES void scale_row(float* __restrict row, float by, std::int64_t vocab) {
  for (std::int64_t i = 0; i < vocab; ++i) row[i] *= by;
}

}  // namespace

void rms_norm_backward(Element element, const void* dy, const void* x, const void* weight, void* dx,
                       std::int64_t width, float eps, std::int64_t first, std::int64_t last) {
  with_type(element, [&](auto zero) {
    using T = decltype(zero);
    const auto row = [&](const void* from, std::int64_t r) {
      return static_cast<const T*>(from) + r * width;
    };
    for (std::int64_t r = first; r < last; ++r) {
      T* to = static_cast<T*>(dx) + r * width;
      if constexpr (sizeof(T) == 2) {
        norm_backward_bf16(row(dy, r), row(x, r), row(weight, 0), to, width, eps);
      } else {
        norm_backward_f32(row(dy, r), row(x, r), row(weight, 0), to, width, eps);
      }
    }
  });
}

void swiglu_forward(Element element, const void* gate, const void* up, void* out,
                    std::int64_t first, std::int64_t last) {
  with_type(element, [&](auto zero) {
    using T = decltype(zero);
    const T *g = static_cast<const T*>(gate) + first, *u = static_cast<const T*>(up) + first;
    T* to = static_cast<T*>(out) + first;
    if constexpr (sizeof(T) == 2) {
      swiglu_of_bf16(g, u, to, last - first);
    } else {
      swiglu_of_f32(g, u, to, last - first);
    }
  });
}

void swiglu_backward(Element element, const void* dy, const void* gate, const void* up,
                     void* d_gate, void* d_up, std::int64_t first, std::int64_t last) {
  with_type(element, [&](auto zero) {
    using T = decltype(zero);
    const auto in = [&](const void* from) { return static_cast<const T*>(from) + first; };
    T *to_gate = static_cast<T*>(d_gate) + first, *to_up = static_cast<T*>(d_up) + first;
    if constexpr (sizeof(T) == 2) {
      swiglu_slopes_bf16(in(dy), in(gate), in(up), to_gate, to_up, last - first);
    } else {
      swiglu_slopes_f32(in(dy), in(gate), in(up), to_gate, to_up, last - first);
    }
  });
}

void dropout_keep(const KeepWords& words, std::uint8_t* keep, std::int64_t first,
                  std::int64_t last) {
  constexpr std::int64_t kRun = 4 * kSide;
  std::uint8_t rest[kRun];
  for (std::int64_t at = first; at < last; at += kRun) {
    const auto block = static_cast<std::uint32_t>(at / 4);
    if (at + kRun <= last) {
      keep_side(words, block, keep + at);
      continue;
    }
    keep_side(words, block, rest);
    for (std::int64_t i = 0; at + i < last; ++i) keep[at + i] = rest[i];
  }
}

void dropout_apply(Element element, const void* x, const std::uint8_t* keep, float scale, bool add,
                   void* out, std::int64_t first, std::int64_t last) {
  with_type(element, [&](auto zero) {
    using T = decltype(zero);
    const T* from = static_cast<const T*>(x) + first;
    T* to = static_cast<T*>(out) + first;
    if constexpr (sizeof(T) == 2) {
      (add ? drop_add_bf16 : drop_bf16)(from, keep + first, scale, to, last - first);
    } else {
      (add ? drop_add_f32 : drop_f32)(from, keep + first, scale, to, last - first);
    }
  });
}

void softmax_gradient(float* logits, const std::int64_t* targets, const float* weights,
                      float* entropies, std::int64_t vocab, std::int64_t first, std::int64_t last) {
  for (std::int64_t r = first; r < last; ++r) {
    float* row = logits + r * vocab;
    const float most = largest(row, vocab), at_target = row[targets[r]];
    const float sum = exponentials(row, most, vocab);
    entropies[r] = std::log(sum) + (most - at_target);
    scale_row(row, weights[r] / sum, vocab);
    row[targets[r]] -= weights[r];
  }
}

}  // namespace vega::kernels::cpu
