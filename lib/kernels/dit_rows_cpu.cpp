// The loops of dit_rows.h over rows of tokens: norms with modulation and gates, heads of attention.
#include "kernels/dit_rows_entry.h"

#include <cmath>
#include <vector>

#include "kernels/cpu_math.h"

namespace vega::kernels::cpu {
namespace {

// The rows of a chunk, all of one clip.
struct ChunkRows {
  std::int64_t clip, first, last;
};
VEGA_INLINE ChunkRows rows_of(const DitRows& rows, std::int64_t chunk) {
  const std::int64_t clip = chunk / rows.chunks_of_clip();
  const std::int64_t from = chunk % rows.chunks_of_clip() * kDitChunk;
  const std::int64_t to = from + kDitChunk < rows.tokens ? from + kDitChunk : rows.tokens;
  return {clip, clip * rows.tokens + from, clip * rows.tokens + to};
}

template <typename T>
VEGA_INLINE void add_gated(const float* __restrict x, const T* __restrict y,
                           const float* __restrict gate, float* __restrict sum,
                           std::int64_t width) {
  for (std::int64_t i = 0; i < width; ++i) sum[i] = x[i] + load(y[i]) * gate[i];
}

template <typename T>
VEGA_INLINE void norm_row(const float* __restrict x, const float* __restrict shift,
                          const float* __restrict scale, T* __restrict out, std::int64_t width,
                          float eps, float* statistics) {
  const auto n = static_cast<float>(width);
  const float mean = sum_lanes(width, [&](std::int64_t i) { return x[i]; }) / n;
  const float squares = sum_lanes(width, [&](std::int64_t i) {
    const float d = x[i] - mean;
    return d * d;
  });
  const float inverse = 1.0F / std::sqrt(squares / n + eps);
  statistics[0] = mean, statistics[1] = inverse;
  for (std::int64_t i = 0; i < width; ++i)
    out[i] = store<T>((x[i] - mean) * inverse * (1.0F + scale[i]) + shift[i]);
}

template <typename T>
VEGA_INLINE void norm_chunks(const DitNorm& a, std::int64_t first, std::int64_t last) {
  const std::int64_t width = a.rows.width;
  for (std::int64_t chunk = first; chunk < last; ++chunk) {
    const ChunkRows rows = rows_of(a.rows, chunk);
    for (std::int64_t r = rows.first; r < rows.last; ++r) {
      const float* x = a.x + r * width;
      if (a.y) {
        add_gated(x, static_cast<const T*>(a.y) + r * width, a.gate + rows.clip * width,
                  a.sum + r * width, width);
        x = a.sum + r * width;
      }
      if (a.out)
        norm_row(x, a.shift + rows.clip * width, a.scale + rows.clip * width,
                 static_cast<T*>(a.out) + r * width, width, a.eps, a.statistics + 2 * r);
    }
  }
}
VEGA_CLONES void norm_f32(const DitNorm& a, std::int64_t first, std::int64_t last) {
  norm_chunks<float>(a, first, last);
}
VEGA_CLONES void norm_bf16(const DitNorm& a, std::int64_t first, std::int64_t last) {
  norm_chunks<std::uint16_t>(a, first, last);
}

// dx of the norm and of what was added before, d_sum or null; d_shift and d_scale gather.
template <typename T>
VEGA_INLINE void norm_row_backward(const T* __restrict dy, const float* __restrict x,
                                   const float* __restrict scale, const float* statistics,
                                   const float* __restrict d_sum, float* __restrict dx,
                                   float* __restrict d_shift, float* __restrict d_scale,
                                   std::int64_t width) {
  const auto n = static_cast<float>(width);
  const float mean = statistics[0], inverse = statistics[1];
  const float all =
      sum_lanes(width, [&](std::int64_t i) { return load(dy[i]) * (1.0F + scale[i]); });
  const float along = sum_lanes(width, [&](std::int64_t i) {
    return load(dy[i]) * (1.0F + scale[i]) * ((x[i] - mean) * inverse);
  });
  const float mean_all = all / n, mean_along = along / n;
  for (std::int64_t i = 0; i < width; ++i) {
    const float d = load(dy[i]), normed = (x[i] - mean) * inverse;
    dx[i] = inverse * (d * (1.0F + scale[i]) - mean_all - normed * mean_along);
    d_shift[i] += d;
    d_scale[i] += d * normed;
  }
  if (d_sum)
    for (std::int64_t i = 0; i < width; ++i) dx[i] += d_sum[i];
}

template <typename T>
VEGA_INLINE void gate_row_backward(const float* __restrict dx, const T* __restrict y,
                                   const float* __restrict gate, T* __restrict dy,
                                   float* __restrict d_gate, std::int64_t width) {
  for (std::int64_t i = 0; i < width; ++i) {
    dy[i] = store<T>(dx[i] * gate[i]);
    d_gate[i] += dx[i] * load(y[i]);
  }
}

template <typename T>
VEGA_INLINE void norm_backward_chunks(const DitNormBackward& a, std::int64_t first,
                                      std::int64_t last) {
  const std::int64_t width = a.rows.width, table = a.rows.chunks() * width;
  for (std::int64_t chunk = first; chunk < last; ++chunk) {
    const ChunkRows rows = rows_of(a.rows, chunk);
    float* sums = a.sums + chunk * width;
    for (int t = 0; t < 3; ++t)
      for (std::int64_t i = 0; i < width; ++i) sums[t * table + i] = 0;
    for (std::int64_t r = rows.first; r < rows.last; ++r) {
      const float* d_sum = a.d_sum ? a.d_sum + r * width : nullptr;
      const float* dx = d_sum;
      if (a.d_out) {
        norm_row_backward(static_cast<const T*>(a.d_out) + r * width, a.normed + r * width,
                          a.scale + rows.clip * width, a.statistics + 2 * r, d_sum,
                          a.dx + r * width, sums, sums + table, width);
        dx = a.dx + r * width;
      }
      if (a.y)
        gate_row_backward(dx, static_cast<const T*>(a.y) + r * width, a.gate + rows.clip * width,
                          static_cast<T*>(a.dy) + r * width, sums + 2 * table, width);
    }
  }
}
VEGA_CLONES void norm_backward_f32(const DitNormBackward& a, std::int64_t first,
                                   std::int64_t last) {
  norm_backward_chunks<float>(a, first, last);
}
VEGA_CLONES void norm_backward_bf16(const DitNormBackward& a, std::int64_t first,
                                    std::int64_t last) {
  norm_backward_chunks<std::uint16_t>(a, first, last);
}

// 1 / root mean square of a row, which is left in `row` as float.
template <typename T>
VEGA_INLINE float read_row(const T* __restrict x, float* __restrict row, std::int64_t width,
                           float eps) {
  for (std::int64_t i = 0; i < width; ++i) row[i] = load(x[i]);
  const float squares = sum_lanes(width, [&](std::int64_t i) { return row[i] * row[i]; });
  return 1.0F / std::sqrt(squares / static_cast<float>(width) + eps);
}

template <typename T>
VEGA_INLINE void turn_pairs(const float* __restrict from, const float* __restrict rope,
                            T* __restrict to, std::int64_t head_dim) {
  for (std::int64_t j = 0; j < head_dim / 2; ++j) {
    const float c = rope[2 * j], s = rope[2 * j + 1];
    const float a = from[2 * j], b = from[2 * j + 1];
    to[2 * j] = store<T>(a * c - b * s);
    to[2 * j + 1] = store<T>(a * s + b * c);
  }
}

template <typename T>
VEGA_INLINE void turn_back(const T* __restrict from, const float* __restrict rope,
                           float* __restrict to, std::int64_t head_dim) {
  for (std::int64_t j = 0; j < head_dim / 2; ++j) {
    const float c = rope[2 * j], s = rope[2 * j + 1];
    const float a = load(from[2 * j]), b = load(from[2 * j + 1]);
    to[2 * j] = a * c + b * s;
    to[2 * j + 1] = b * c - a * s;
  }
}

template <typename T>
VEGA_INLINE void heads_chunks(const DitHeads& a, std::int64_t first, std::int64_t last,
                              float* __restrict row) {
  const std::int64_t width = a.rows.width, tokens = a.rows.tokens, hd = width / a.heads;
  const std::int64_t part = a.rows.clips * tokens * width;
  for (std::int64_t chunk = first; chunk < last; ++chunk) {
    const ChunkRows rows = rows_of(a.rows, chunk);
    for (std::int64_t r = rows.first; r < rows.last; ++r) {
      const std::int64_t token = r - rows.clip * tokens;
      const T* from = static_cast<const T*>(a.qkv) + r * 3 * width;
      T* to = static_cast<T*>(a.out) + (rows.clip * a.heads * tokens + token) * hd;
      for (int which = 0; which < 2; ++which, from += width, to += part) {
        const float inverse = read_row(from, row, width, a.eps);
        const float* __restrict w = which == 0 ? a.norm_q : a.norm_k;
        for (std::int64_t i = 0; i < width; ++i) row[i] = row[i] * inverse * w[i];
        for (std::int64_t h = 0; h < a.heads; ++h)
          turn_pairs(row + h * hd, a.rope + token * hd, to + h * tokens * hd, hd);
      }
      for (std::int64_t h = 0; h < a.heads; ++h) {
        const T* __restrict v = from + h * hd;
        T* __restrict out = to + h * tokens * hd;
        for (std::int64_t i = 0; i < hd; ++i) out[i] = v[i];
      }
    }
  }
}
VEGA_CLONES void heads_f32(const DitHeads& a, std::int64_t first, std::int64_t last, float* row) {
  heads_chunks<float>(a, first, last, row);
}
VEGA_CLONES void heads_bf16(const DitHeads& a, std::int64_t first, std::int64_t last, float* row) {
  heads_chunks<std::uint16_t>(a, first, last, row);
}

// dn: the gradient of the normed row. x: the row itself.
template <typename T>
VEGA_INLINE void rms_row_backward(const float* __restrict dn, const float* __restrict x,
                                  const float* __restrict w, float inverse, T* __restrict dx,
                                  float* __restrict dw, std::int64_t width) {
  const float along =
      sum_lanes(width, [&](std::int64_t i) { return dn[i] * w[i] * (x[i] * inverse); });
  const float mean = along / static_cast<float>(width);
  for (std::int64_t i = 0; i < width; ++i) {
    const float normed = x[i] * inverse;
    dw[i] += dn[i] * normed;
    dx[i] = store<T>(inverse * (dn[i] * w[i] - normed * mean));
  }
}

template <typename T>
VEGA_INLINE void heads_backward_chunks(const DitHeadsBackward& b, std::int64_t first,
                                       std::int64_t last, float* __restrict row) {
  const DitHeads& a = b.in;
  const std::int64_t width = a.rows.width, tokens = a.rows.tokens, hd = width / a.heads;
  const std::int64_t table = a.rows.chunks() * width;
  float* __restrict dn = row + width;
  for (std::int64_t chunk = first; chunk < last; ++chunk) {
    const ChunkRows rows = rows_of(a.rows, chunk);
    float* sums = b.sums + chunk * width;
    for (int t = 0; t < 2; ++t)
      for (std::int64_t i = 0; i < width; ++i) sums[t * table + i] = 0;
    for (std::int64_t r = rows.first; r < rows.last; ++r) {
      const std::int64_t token = r - rows.clip * tokens;
      const std::int64_t place = (rows.clip * a.heads * tokens + token) * hd;
      const T* x = static_cast<const T*>(a.qkv) + r * 3 * width;
      T* dx = static_cast<T*>(b.d_qkv) + r * 3 * width;
      for (int which = 0; which < 2; ++which, x += width, dx += width) {
        const T* d = static_cast<const T*>(which == 0 ? b.d_q : b.d_k) + place;
        for (std::int64_t h = 0; h < a.heads; ++h)
          turn_back(d + h * tokens * hd, a.rope + token * hd, dn + h * hd, hd);
        const float inverse = read_row(x, row, width, a.eps);
        rms_row_backward(dn, row, which == 0 ? a.norm_q : a.norm_k, inverse, dx,
                         sums + which * table, width);
      }
      for (std::int64_t h = 0; h < a.heads; ++h) {
        const T* __restrict from = static_cast<const T*>(b.d_v) + place + h * tokens * hd;
        T* __restrict to = dx + h * hd;
        for (std::int64_t i = 0; i < hd; ++i) to[i] = from[i];
      }
    }
  }
}
VEGA_CLONES void heads_backward_f32(const DitHeadsBackward& b, std::int64_t first,
                                    std::int64_t last, float* row) {
  heads_backward_chunks<float>(b, first, last, row);
}
VEGA_CLONES void heads_backward_bf16(const DitHeadsBackward& b, std::int64_t first,
                                     std::int64_t last, float* row) {
  heads_backward_chunks<std::uint16_t>(b, first, last, row);
}

}  // namespace

void dit_norm(Element element, const DitNorm& args, std::int64_t first_chunk,
              std::int64_t last_chunk) {
  element == Element::kBF16 ? norm_bf16(args, first_chunk, last_chunk)
                            : norm_f32(args, first_chunk, last_chunk);
}

void dit_norm_backward(Element element, const DitNormBackward& args, std::int64_t first_chunk,
                       std::int64_t last_chunk) {
  element == Element::kBF16 ? norm_backward_bf16(args, first_chunk, last_chunk)
                            : norm_backward_f32(args, first_chunk, last_chunk);
}

void dit_heads(Element element, const DitHeads& args, std::int64_t first_chunk,
               std::int64_t last_chunk) {
  std::vector<float> row(static_cast<std::size_t>(args.rows.width));
  element == Element::kBF16 ? heads_bf16(args, first_chunk, last_chunk, row.data())
                            : heads_f32(args, first_chunk, last_chunk, row.data());
}

void dit_heads_backward(Element element, const DitHeadsBackward& args, std::int64_t first_chunk,
                        std::int64_t last_chunk) {
  std::vector<float> row(static_cast<std::size_t>(2 * args.in.rows.width));
  element == Element::kBF16 ? heads_backward_bf16(args, first_chunk, last_chunk, row.data())
                            : heads_backward_f32(args, first_chunk, last_chunk, row.data());
}

}  // namespace vega::kernels::cpu
