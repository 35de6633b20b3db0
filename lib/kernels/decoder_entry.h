// The CPU functions of a language model's decoder that stand behind the dispatch. Arguments are
// checked by the callers; sizes are in elements; no LibTorch here.
#pragma once

#include <cstdint>

#include "kernels/entry.h"

namespace vega::kernels {

// out = x weight^T + bias for few rows. bias may be null.
struct RowLinear {
  const float* x;      // (rows, stride): what row_linear_spread makes of it
  const void* weight;  // (width, in)
  const void* bias;    // (width)
  void* out;           // (rows, width)
  std::int64_t rows, in, stride, width;
};

// Keys and values of some tokens: row t of head h begins at h * head_stride + t * head_dim.
struct KeyRun {
  const void *keys, *values;
  std::int64_t length, head_stride;
};

// Few queries of one sequence: query i sees the first `past` + i + 1 tokens.
struct RowAttention {
  const void* q;  // (rows, kv_heads * group, head_dim)
  void* out;      // likewise
  const KeyRun* runs;
  std::int64_t run_count, rows, past, kv_heads, group, head_dim;
  float scale;

  static constexpr std::int64_t kBlock = 256;  // tokens
  std::int64_t blocks() const { return (past + rows + kBlock - 1) / kBlock; }
  // Of one block and head: for each query its maximum, its sum, its values.
  std::int64_t partial_size() const { return rows * group * (head_dim + 2); }
};

namespace cpu {

// x (rows, in) as float in the order of the kernel's lanes, filled up with zeros to `stride`, which
// is `in` rounded up to 32.
void row_linear_spread(Element element, const void* x, std::int64_t rows, std::int64_t in,
                       std::int64_t stride, float* out);

// Columns [first, last) of the output.
void row_linear(Element element, const RowLinear& args, std::int64_t first, std::int64_t last);

// One block of one head into `partial`; then the blocks of a head, `partials` one after the other,
// into the output, through sums in the first of them.
void row_attention(Element element, const RowAttention& args, std::int64_t head, std::int64_t block,
                   float* partial);
void row_attention_merge(Element element, const RowAttention& args, std::int64_t head,
                         float* partials);

// Rows [first, last). y not null: x += y first, rounded to the type. out may not be x.
void rms_norm(Element element, void* x, const void* y, const void* weight, void* out,
              std::int64_t width, float eps, std::int64_t first, std::int64_t last);

// Rows [first, last) of x (rows, heads, head_dim), whose rows are `stride` apart, in place.
void rope(Element element, void* x, const void* cos, const void* sin, std::int64_t heads,
          std::int64_t head_dim, std::int64_t stride, std::int64_t first, std::int64_t last);

// gate[i] = silu(gate[i]) * up[i] for i in [first, last).
void swiglu(Element element, void* gate, const void* up, std::int64_t first, std::int64_t last);

}  // namespace cpu
}  // namespace vega::kernels
