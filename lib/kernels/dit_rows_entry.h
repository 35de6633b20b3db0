// The loops behind kernels/dit_rows.h: plain pointers; each call does rows or chunks [first, last)
// and writes its own part only, so that calls may run side by side.
#pragma once

#include <cstdint>

#include "kernels/entry.h"

namespace vega::kernels::cpu {

// Rows of clips: row r is token r mod tokens of clip r / tokens. A chunk is up to kDitChunk
// consecutive rows of one clip; `sums` has `width` floats a chunk and table.
inline constexpr std::int64_t kDitChunk = 64;

struct DitRows {
  std::int64_t clips, tokens, width;
  std::int64_t chunks_of_clip() const { return (tokens + kDitChunk - 1) / kDitChunk; }
  std::int64_t chunks() const { return clips * chunks_of_clip(); }
};

// out = (norm(x) (1 + scale) + shift); statistics: mean and 1 / deviation a row. With y: x + y gate
// goes to `sum` first, which is normed. out null: only that sum.
struct DitNorm {
  DitRows rows;
  const float *x, *shift, *scale;
  const void* y;
  const float* gate;
  float* sum;
  void* out;
  float* statistics;
  float eps;
};
void dit_norm(Element element, const DitNorm& args, std::int64_t first_chunk,
              std::int64_t last_chunk);

// dx = d_sum + norm backward of d_out (either may be null); dy = dx gate, and per chunk the sums of
// d_shift, d_scale, d_gate, one after another (3, chunks, width). y null: neither dy nor d_gate;
// d_out null: no dx, which is d_sum.
struct DitNormBackward {
  DitRows rows;
  const void* d_out;
  const float* d_sum;
  const float *normed, *scale;  // what was normed
  const float* statistics;
  const void* y;
  const float* gate;
  float* dx;
  void* dy;
  float* sums;
};
void dit_norm_backward(Element element, const DitNormBackward& args, std::int64_t first_chunk,
                       std::int64_t last_chunk);

// q, k, v (clips, heads, tokens, head_dim) one after another in `out`, of qkv (rows, 3 width).
struct DitHeads {
  DitRows rows;
  std::int64_t heads;
  const void* qkv;
  const float *norm_q, *norm_k;
  const float* rope;  // (tokens, head_dim / 2, 2)
  void* out;
  float eps;
};
void dit_heads(Element element, const DitHeads& args, std::int64_t first_chunk,
               std::int64_t last_chunk);

// of d_q, d_k, d_v, each laid out as the forward result's part. sums (2, chunks, width).
struct DitHeadsBackward {
  DitHeads in;  // out unused
  const void *d_q, *d_k, *d_v;
  void* d_qkv;
  float* sums;
};
void dit_heads_backward(Element element, const DitHeadsBackward& args, std::int64_t first_chunk,
                        std::int64_t last_chunk);

// In place: scores (rows, columns) become exp(scale s - log of the row's sum), which goes to
// `logs`. known: logs were made before.
void dit_softmax(Element element, void* scores, float* logs, bool known, std::int64_t rows,
                 std::int64_t columns, float scale);
// In place: d_shares (rows, columns) become scale shares (d_shares - along), along (rows).
void dit_softmax_backward(Element element, const void* shares, void* d_shares, const float* along,
                          std::int64_t rows, std::int64_t columns, float scale);
// along[r] = sum over columns of a b; rows lie `stride` elements apart.
void dit_row_products(Element element, const void* a, const void* b, float* along,
                      std::int64_t rows, std::int64_t columns, std::int64_t stride);

void dit_gelu(Element element, const void* x, void* out, std::int64_t first, std::int64_t last);
void dit_gelu_backward(Element element, const void* dy, const void* x, void* dx, std::int64_t first,
                       std::int64_t last);

}  // namespace vega::kernels::cpu
