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

// Keys and values of some tokens: row t of head h begins at h * head_stride + t * head_dim; those
// of the next layer lie layer_stride further on.
struct KeyRun {
  const void *keys, *values;
  std::int64_t length, head_stride, layer_stride = 0;
};

// A query that sees the first `seen` tokens of its runs.
struct RowQuery {
  const void* q;  // (kv_heads * group, head_dim)
  void* out;      // likewise
  const KeyRun* runs;
  std::int64_t run_count, seen;
  float* partials;  // (kv_heads, blocks(), RowAttention::partial_size())

  static constexpr std::int64_t kBlock = 256;  // tokens
  std::int64_t blocks() const { return (seen + kBlock - 1) / kBlock; }
};

// Few queries, of one sequence or of several.
struct RowAttention {
  const RowQuery* queries;
  std::int64_t kv_heads, group, head_dim;
  float scale;

  // Of a query in one block and head: for each of its heads the maximum, the sum, the values.
  std::int64_t partial_size() const { return group * (head_dim + 2); }
};

namespace cpu {

// x (rows, in) as float in the order of the kernel's lanes, filled up with zeros to `stride`, which
// is `in` rounded up to 32.
void row_linear_spread(Element element, const void* x, std::int64_t rows, std::int64_t in,
                       std::int64_t stride, float* out);

// Columns [first, last) of the output.
void row_linear(Element element, const RowLinear& args, std::int64_t first, std::int64_t last);

// One block of one head for queries [first, first + count), whose tokens in it lie in one place;
// then the blocks of a head and query into the output, through sums in the first of them.
void row_attention(Element element, const RowAttention& args, std::int64_t head, std::int64_t block,
                   std::int64_t first, std::int64_t count);
void row_attention_merge(Element element, const RowAttention& args, std::int64_t head,
                         std::int64_t query);

// Rows [first, last). y not null: x += y first, rounded to the type. out may not be x.
void rms_norm(Element element, void* x, const void* y, const void* weight, void* out,
              std::int64_t width, float eps, std::int64_t first, std::int64_t last);

// Rows [first, last) of x (rows, heads, head_dim), whose rows are `stride` apart, in place.
void rope(Element element, void* x, const void* cos, const void* sin, std::int64_t heads,
          std::int64_t head_dim, std::int64_t stride, std::int64_t first, std::int64_t last);

// gate[i] = silu(gate[i]) * up[i] for i in [first, last).
void swiglu(Element element, void* gate, const void* up, std::int64_t first, std::int64_t last);

}  // namespace cpu

// On CUDA: x (rows, in) times up to three matrices. A part without columns has width 0.
struct RowLinears {
  struct Part {
    const void* weight = nullptr;  // (width, in)
    const void* bias = nullptr;    // (width); may be null
    void* out = nullptr;           // (rows, width)
    std::int64_t width = 0;
  };
  const void* x;
  std::int64_t rows, in;
  Part parts[3];
};

// Where the tokens of several sequences lie, in device memory: launches do not depend on it. A row
// a sequence: the number of tokens it sees (0: nothing is computed for it), the number of its runs,
// and of each run the addresses of layer 0's keys and values, layer_stride, head_stride, and the
// number of the run's first token.
struct CacheTable {
  const std::int64_t* words;
  std::int64_t stride;  // words of a row

  static constexpr std::int64_t kHead = 2, kRun = 5;
};

// One query of each sequence. packed: all addresses and strides of the table are multiples of 16
// bytes.
struct CacheAttention {
  const void* q;    // (rows, kv_heads * group, head_dim), head_dim at most kWidest
  void* out;        // likewise; zeros for a sequence without tokens
  float* partials;  // (rows, kv_heads * group, most_blocks, head_dim + 2)
  CacheTable table;
  std::int64_t rows, kv_heads, group, head_dim, layer, most_blocks;
  float scale;
  bool packed;

  static constexpr std::int64_t kBlock = 128;   // tokens
  static constexpr std::int64_t kWidest = 256;  // channels of a head
};

// The last token of each sequence: queries turned in place, keys turned and values copied to their
// places in the cache.
struct CacheAppend {
  void* q;                // (rows, kv_heads * group, head_dim)
  const void *k, *v;      // (rows, kv_heads, head_dim)
  const void *cos, *sin;  // (rows, head_dim / 2)
  CacheTable table;
  std::int64_t rows, kv_heads, group, head_dim, layer;
  bool packed;
};

}  // namespace vega::kernels

// The CUDA half's functions, see entry.h.
extern "C" {

int vega_cuda_row_linear(vega::kernels::Element element, const vega::kernels::RowLinears& args,
                         void* stream);

int vega_cuda_rms_norm(vega::kernels::Element element, void* x, const void* y, const void* weight,
                       void* out, std::int64_t rows, std::int64_t width, float eps, void* stream);

int vega_cuda_rope(vega::kernels::Element element, void* x, const void* cos, const void* sin,
                   std::int64_t rows, std::int64_t heads, std::int64_t head_dim,
                   std::int64_t stride, void* stream);

int vega_cuda_swiglu(vega::kernels::Element element, void* gate, const void* up, std::int64_t count,
                     void* stream);

int vega_cuda_cache_append(vega::kernels::Element element, const vega::kernels::CacheAppend& args,
                           void* stream);

int vega_cuda_cache_attention(vega::kernels::Element element,
                              const vega::kernels::CacheAttention& args, void* stream);

}  // extern "C"
