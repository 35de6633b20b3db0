#include <cmath>
#include <vector>

#include "kernels/cpu_math.h"
#include "kernels/decoder_entry.h"

namespace vega::kernels::cpu {
namespace {

// Rows [first, first + count) of a head, whichever runs they lie in, as float.
template <typename T>
VEGA_INLINE void gather(const RowAttention& a, std::int64_t head, std::int64_t first,
                        std::int64_t count, bool values, float* __restrict out) {
  for (std::int64_t n = 0; n < a.run_count; ++n) {
    const KeyRun& run = a.runs[n];
    const std::int64_t take =
        first < run.length ? (run.length - first < count ? run.length - first : count) : 0;
    const T* __restrict from = static_cast<const T*>(values ? run.values : run.keys) +
                               head * run.head_stride + first * a.head_dim;
    const std::int64_t size = take * a.head_dim;
    for (std::int64_t i = 0; i < size; ++i) out[i] = load(from[i]);
    out += size;
    count -= take;
    first = first < run.length ? 0 : first - run.length;
    if (count == 0) return;
  }
}

// Scores of one query, their maximum, e^(score - maximum) and the sum of those.
struct Softmax {
  float most, sum;
};
VEGA_INLINE Softmax softmax(const float* __restrict q, const float* __restrict keys,
                            std::int64_t tokens, std::int64_t width, float* __restrict scores) {
  for (std::int64_t t = 0; t < tokens; ++t) {
    const float* __restrict key = keys + t * width;
    scores[t] = sum_lanes(width, [&](std::int64_t d) { return q[d] * key[d]; });
  }
  float most = scores[0];
  for (std::int64_t t = 1; t < tokens; ++t) most = scores[t] > most ? scores[t] : most;
  for (std::int64_t t = 0; t < tokens; ++t) scores[t] = exp_f32(scores[t] - most);
  return {most, sum_lanes(tokens, [&](std::int64_t t) { return scores[t]; })};
}

template <typename T>
VEGA_INLINE void block_of(const RowAttention& a, std::int64_t head, std::int64_t block,
                          float* __restrict partial, float* __restrict scratch) {
  const std::int64_t width = a.head_dim, first = block * RowAttention::kBlock;
  const std::int64_t all = a.past + a.rows - first;
  const std::int64_t held = all < RowAttention::kBlock ? all : RowAttention::kBlock;
  float* keys = scratch;
  float* values = keys + held * width;
  float* q = values + held * width;
  float* scores = q + width;
  gather<T>(a, head, first, held, false, keys);
  gather<T>(a, head, first, held, true, values);
  for (std::int64_t r = 0; r < a.rows; ++r) {
    const std::int64_t seen = a.past + r + 1 - first;
    const std::int64_t tokens = seen < held ? seen : held;
    for (std::int64_t g = 0; g < a.group; ++g) {
      float* __restrict out = partial + (r * a.group + g) * (width + 2);
      for (std::int64_t d = 0; d < width + 2; ++d) out[d] = 0;
      if (tokens <= 0) continue;  // sum 0: the merge passes over it
      const T* from =
          static_cast<const T*>(a.q) + (r * a.kv_heads * a.group + head * a.group + g) * width;
      for (std::int64_t d = 0; d < width; ++d) q[d] = load(from[d]) * a.scale;
      const Softmax s = softmax(q, keys, tokens, width, scores);
      out[0] = s.most;
      out[1] = s.sum;
      float* __restrict mix = out + 2;
      for (std::int64_t t = 0; t < tokens; ++t) {
        const float share = scores[t];
        const float* __restrict value = values + t * width;
        for (std::int64_t d = 0; d < width; ++d) mix[d] += share * value[d];
      }
    }
  }
}

// The first block has tokens for every query; its sums take in those of the others.
template <typename T>
VEGA_INLINE void merge(const RowAttention& a, std::int64_t head, float* __restrict partials) {
  const std::int64_t width = a.head_dim, stride = a.partial_size(), blocks = a.blocks();
  for (std::int64_t r = 0; r < a.rows * a.group; ++r) {
    float* __restrict all = partials + r * (width + 2);
    float most = all[0];
    for (std::int64_t b = 1; b < blocks; ++b) {
      const float* part = all + b * stride;
      if (part[1] != 0 && !(part[0] <= most)) most = part[0];
    }
    const float own = exp_f32(all[0] - most);
    for (std::int64_t d = 1; d < width + 2; ++d) all[d] *= own;
    for (std::int64_t b = 1; b < blocks; ++b) {
      const float* __restrict part = all + b * stride;
      if (part[1] == 0) continue;
      const float share = exp_f32(part[0] - most);
      for (std::int64_t d = 1; d < width + 2; ++d) all[d] += share * part[d];
    }
    const std::int64_t place = r / a.group * a.kv_heads * a.group + head * a.group + r % a.group;
    T* __restrict out = static_cast<T*>(a.out) + place * width;
    for (std::int64_t d = 0; d < width; ++d) out[d] = store<T>(all[2 + d] / all[1]);
  }
}

VEGA_CLONES void block_f32(const RowAttention& a, std::int64_t head, std::int64_t block,
                           float* partial, float* scratch) {
  block_of<float>(a, head, block, partial, scratch);
}
VEGA_CLONES void block_bf16(const RowAttention& a, std::int64_t head, std::int64_t block,
                            float* partial, float* scratch) {
  block_of<std::uint16_t>(a, head, block, partial, scratch);
}
VEGA_CLONES void merge_f32(const RowAttention& a, std::int64_t head, float* partials) {
  merge<float>(a, head, partials);
}
VEGA_CLONES void merge_bf16(const RowAttention& a, std::int64_t head, float* partials) {
  merge<std::uint16_t>(a, head, partials);
}

}  // namespace

void row_attention(Element element, const RowAttention& a, std::int64_t head, std::int64_t block,
                   float* partial) {
  const std::int64_t size = (2 * RowAttention::kBlock + 1) * a.head_dim + RowAttention::kBlock;
  thread_local std::vector<float> scratch;
  scratch.resize(static_cast<std::size_t>(size));
  element == Element::kBF16 ? block_bf16(a, head, block, partial, scratch.data())
                            : block_f32(a, head, block, partial, scratch.data());
}

void row_attention_merge(Element element, const RowAttention& a, std::int64_t head,
                         float* partials) {
  element == Element::kBF16 ? merge_bf16(a, head, partials) : merge_f32(a, head, partials);
}

}  // namespace vega::kernels::cpu
