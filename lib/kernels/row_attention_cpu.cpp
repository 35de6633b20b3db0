#include <cmath>
#include <vector>

#include "kernels/cpu_math.h"
#include "kernels/cpu_vectors.h"
#include "kernels/decoder_entry.h"

namespace vega::kernels::cpu {
namespace {

constexpr std::int64_t kTile = kHalf;  // tokens whose scores are summed together

// What a block works on, as float: rows filled up to whole vectors, `stride` apart.
struct Scratch {
  std::int64_t stride;
  float *keys, *values;  // (kBlock, stride)
  float* queries;        // (group, stride)
  float* scores;         // (group, kBlock)
};

// Rows [first, first + count) of a head, whichever runs they lie in.
template <typename T>
VEGA_INLINE void gather(const RowAttention& a, const RowQuery& query, std::int64_t head,
                        std::int64_t first, std::int64_t count, bool values, std::int64_t stride,
                        float* __restrict out) {
  for (std::int64_t n = 0; n < query.run_count && count > 0; ++n) {
    const KeyRun& run = query.runs[n];
    const std::int64_t left = first < run.length ? run.length - first : 0;
    const std::int64_t take = left < count ? left : count;
    const T* __restrict from = static_cast<const T*>(values ? run.values : run.keys) +
                               head * run.head_stride + first * a.head_dim;
    for (std::int64_t t = 0; t < take; ++t) {
      for (std::int64_t d = 0; d < a.head_dim; ++d)
        out[t * stride + d] = load(from[t * a.head_dim + d]);
    }
    out += take * stride;
    count -= take;
    first = left > 0 ? 0 : first - run.length;
  }
}

// Scores of one query: `tokens` of them, and some of no meaning up to a whole tile.
VEGA_INLINE void score(const float* q, const float* keys, std::int64_t tokens, std::int64_t stride,
                       float* scores) {
  for (std::int64_t t = 0; t < tokens; t += kTile) {
    Floats sums[kTile] = {};
    for (std::int64_t d = 0; d < stride; d += kHalf) {
      Floats query, key;
      load_lanes(q + d, query);
      for (int n = 0; n < kTile; ++n) {
        load_lanes(keys + (t + n) * stride + d, key);
        sums[n] += query * key;
      }
    }
    sum_rows(sums);
    store_lanes(sums[0], scores + t);
  }
}

// The largest of the scores; NaN where the first is one.
VEGA_INLINE float largest(const float* scores, std::int64_t tokens) {
  float most = scores[0];
  std::int64_t t = 0;
  if (tokens >= kHalf) {
    Floats lanes, next;
    load_lanes(scores, lanes);
    for (t = kHalf; t + kHalf <= tokens; t += kHalf) {
      load_lanes(scores + t, next);
      lanes = next > lanes ? next : lanes;
    }
    for (int l = 0; l < kHalf; ++l) most = lanes[l] > most ? lanes[l] : most;
  }
  for (; t < tokens; ++t) most = scores[t] > most ? scores[t] : most;
  return most;
}

// out[q] = sum of shares[q][t] values[t] over the tokens, kQueries rows of kVectors vectors.
template <int kQueries, int kVectors>
VEGA_INLINE void mix(const float* shares, const float* values, std::int64_t tokens,
                     std::int64_t stride, float* out) {
  Floats sums[kQueries][kVectors] = {};
  for (std::int64_t t = 0; t < tokens; ++t) {
    Floats value[kVectors];
    for (int n = 0; n < kVectors; ++n) load_lanes(values + t * stride + n * kHalf, value[n]);
    for (int q = 0; q < kQueries; ++q) {
      const float share = shares[q * RowQuery::kBlock + t];
      for (int n = 0; n < kVectors; ++n) sums[q][n] += share * value[n];
    }
  }
  for (int q = 0; q < kQueries; ++q) {
    for (int n = 0; n < kVectors; ++n) store_lanes(sums[q][n], out + q * stride + n * kHalf);
  }
}

template <int kQueries>
VEGA_INLINE void mix_rows(const float* shares, const float* values, std::int64_t tokens,
                          std::int64_t stride, float* out) {
  std::int64_t d = 0;
  for (; d + 4 * kHalf <= stride; d += 4 * kHalf)
    mix<kQueries, 4>(shares, values + d, tokens, stride, out + d);
  for (; d < stride; d += kHalf) mix<kQueries, 1>(shares, values + d, tokens, stride, out + d);
}

// All heads of a query's group. The mix goes where the queries were.
template <typename T>
VEGA_INLINE void query_row(const RowAttention& a, const RowQuery& query, std::int64_t head,
                           std::int64_t tokens, const Scratch& s, float* partial) {
  const std::int64_t width = a.head_dim, block = RowQuery::kBlock;
  const T* __restrict from = static_cast<const T*>(query.q) + head * a.group * width;
  for (std::int64_t g = 0; g < a.group; ++g) {
    float* __restrict q = s.queries + g * s.stride;
    for (std::int64_t d = 0; d < width; ++d) q[d] = load(from[g * width + d]) * a.scale;
    float* __restrict scores = s.scores + g * block;
    score(q, s.keys, tokens, s.stride, scores);
    const float most = largest(scores, tokens);
    for (std::int64_t t = 0; t < tokens; ++t) scores[t] = exp_f32(scores[t] - most);
    float* out = partial + g * (width + 2);
    out[0] = most;
    out[1] = sum_lanes(tokens, [&](std::int64_t t) { return scores[t]; });
  }
  std::int64_t g = 0;
  for (; g + 4 <= a.group; g += 4)
    mix_rows<4>(s.scores + g * block, s.values, tokens, s.stride, s.queries + g * s.stride);
  for (; g < a.group; ++g)
    mix_rows<1>(s.scores + g * block, s.values, tokens, s.stride, s.queries + g * s.stride);
  for (g = 0; g < a.group; ++g) {
    for (std::int64_t d = 0; d < width; ++d)
      partial[g * (width + 2) + 2 + d] = s.queries[g * s.stride + d];
  }
}

struct Piece {
  std::int64_t head, block, first, count;  // queries [first, first + count)
};

// Keys and values are brought in once for all queries of the piece.
template <typename T>
VEGA_INLINE void block_of(const RowAttention& a, const Piece& piece, const Scratch& s) {
  const std::int64_t first = piece.block * RowQuery::kBlock;
  const RowQuery* most = a.queries + piece.first;
  for (std::int64_t n = 1; n < piece.count; ++n) {
    const RowQuery* other = a.queries + piece.first + n;
    if (other->seen > most->seen) most = other;
  }
  const std::int64_t all = most->seen - first,
                     held = all < RowQuery::kBlock ? all : RowQuery::kBlock;
  gather<T>(a, *most, piece.head, first, held, false, s.stride, s.keys);
  gather<T>(a, *most, piece.head, first, held, true, s.stride, s.values);
  for (std::int64_t n = 0; n < piece.count; ++n) {
    const RowQuery& query = a.queries[piece.first + n];
    const std::int64_t seen = query.seen - first;
    if (seen <= 0) continue;  // it has no such block
    query_row<T>(a, query, piece.head, seen < held ? seen : held, s,
                 query.partials + (piece.head * query.blocks() + piece.block) * a.partial_size());
  }
}

// The sums of the first block take in those of the others.
template <typename T>
VEGA_INLINE void merge(const RowAttention& a, const RowQuery& query, std::int64_t head) {
  const std::int64_t width = a.head_dim, stride = a.partial_size(), blocks = query.blocks();
  for (std::int64_t g = 0; g < a.group; ++g) {
    float* __restrict all = query.partials + head * blocks * stride + g * (width + 2);
    float most = all[0];
    for (std::int64_t b = 1; b < blocks; ++b) {
      const float* part = all + b * stride;
      if (!(part[0] <= most)) most = part[0];
    }
    const float own = exp_f32(all[0] - most);
    for (std::int64_t d = 1; d < width + 2; ++d) all[d] *= own;
    for (std::int64_t b = 1; b < blocks; ++b) {
      const float* __restrict part = all + b * stride;
      const float share = exp_f32(part[0] - most);
      for (std::int64_t d = 1; d < width + 2; ++d) all[d] += share * part[d];
    }
    T* __restrict out = static_cast<T*>(query.out) + (head * a.group + g) * width;
    for (std::int64_t d = 0; d < width; ++d) out[d] = store<T>(all[2 + d] / all[1]);
  }
}

VEGA_CLONES void block_f32(const RowAttention& a, const Piece& piece, const Scratch& scratch) {
  block_of<float>(a, piece, scratch);
}
VEGA_CLONES void block_bf16(const RowAttention& a, const Piece& piece, const Scratch& scratch) {
  block_of<std::uint16_t>(a, piece, scratch);
}
VEGA_CLONES void merge_f32(const RowAttention& a, const RowQuery& query, std::int64_t head) {
  merge<float>(a, query, head);
}
VEGA_CLONES void merge_bf16(const RowAttention& a, const RowQuery& query, std::int64_t head) {
  merge<std::uint16_t>(a, query, head);
}

}  // namespace

void row_attention(Element element, const RowAttention& a, std::int64_t head, std::int64_t block,
                   std::int64_t first, std::int64_t count) {
  constexpr std::int64_t kBlock = RowQuery::kBlock;
  const std::int64_t stride = (a.head_dim + kHalf - 1) / kHalf * kHalf;
  thread_local std::vector<float> memory;
  // Zeros behind the head's width stay zeros; where the width was another one they come anew.
  thread_local std::int64_t width = 0;
  const auto size = static_cast<std::size_t>((2 * kBlock + a.group) * stride + a.group * kBlock);
  if (width != a.head_dim || memory.size() != size) memory.assign(size, 0.0F);
  width = a.head_dim;
  Scratch s{stride, memory.data(), nullptr, nullptr, nullptr};
  s.values = s.keys + kBlock * stride;
  s.queries = s.values + kBlock * stride;
  s.scores = s.queries + a.group * stride;
  const Piece piece{head, block, first, count};
  element == Element::kBF16 ? block_bf16(a, piece, s) : block_f32(a, piece, s);
}

void row_attention_merge(Element element, const RowAttention& a, std::int64_t head,
                         std::int64_t query) {
  element == Element::kBF16 ? merge_bf16(a, a.queries[query], head)
                            : merge_f32(a, a.queries[query], head);
}

}  // namespace vega::kernels::cpu
