// One query of each sequence against all its cached tokens. A block of threads takes 128 tokens of
// one key head for up to eight heads of its group, which share the reads, and leaves their maximum,
// their sum and their mix of values; a second kernel adds the blocks of a head in order. Where the
// tokens lie, and how many there are, stands in the table in device memory: the launch depends on
// neither. Bits depend on a sequence's own values alone.
#include "kernels/decoder_entry.h"
#include "kernels/device.cuh"

namespace vega::kernels::device {
namespace {

constexpr int kTokens = static_cast<int>(CacheAttention::kBlock);
constexpr int kThreads = 128, kWarps = kThreads / 32;
constexpr int kHeads = 8;  // of a group that a block takes
constexpr int kWidest = static_cast<int>(CacheAttention::kWidest);

// Keys (which 0) or values (1) of token `t` in the layer and head.
template <typename T>
__device__ inline const T* token_at(const std::int64_t* row, int which, std::int64_t layer,
                                    std::int64_t head, std::int64_t t, std::int64_t head_dim) {
  const std::int64_t* run = row + CacheTable::kHead + (row[1] - 1) * CacheTable::kRun;
  while (run[4] > t) run -= CacheTable::kRun;
  return reinterpret_cast<const T*>(run[which]) + layer * run[2] + head * run[3] +
         (t - run[4]) * head_dim;
}

// What a lane holds of a row of head_dim elements: kPacks packs of V, kLanes packs apart.
template <int V, int kLanes, int kPacks>
struct Share {
  static constexpr int kValues = V * kPacks;
  __device__ static int place(int lane, int p) { return (p * kLanes + lane) * V; }

  template <typename T>
  __device__ static void read(const T* from, int lane, int width, float (&to)[kValues]) {
#pragma unroll
    for (int p = 0; p < kPacks; ++p) {
      float part[V] = {};
      if (place(lane, p) < width) load(from + place(lane, p), part);
#pragma unroll
      for (int i = 0; i < V; ++i) to[p * V + i] = part[i];
    }
  }
};

// The share of a block of threads: up to kHeads heads of a key head's group, kTokens tokens.
struct Part {
  const std::int64_t* row;    // of the table
  std::int64_t first, seen;   // the first token; tokens of the sequence
  std::int64_t layer, head;   // the first head, counted through all sequences
  int kv_head, heads, width;  // heads of this part; channels of a head

  __device__ explicit Part(const CacheAttention& a)
      : row(a.table.words + blockIdx.z * a.table.stride),
        first(static_cast<std::int64_t>(blockIdx.x) * kTokens),
        seen(row[0]),
        layer(a.layer),
        width(static_cast<int>(a.head_dim)) {
    const int group = static_cast<int>(a.group), parts = (group + kHeads - 1) / kHeads;
    const int begin = static_cast<int>(blockIdx.y) % parts * kHeads;
    kv_head = static_cast<int>(blockIdx.y) / parts;
    heads = min(kHeads, group - begin);
    head = (blockIdx.z * a.kv_heads + kv_head) * group + begin;
  }
};

// Scores of the part's tokens, -infinity beyond the last one. A warp takes kEach tokens at a time.
template <typename T, typename Mine, int kLanes>
__device__ inline void score_tokens(const CacheAttention& a, const Part& part,
                                    float (&scores)[kHeads][kTokens]) {
  constexpr int kEach = 32 / kLanes;
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const int sub = lane / kLanes, mine = lane % kLanes;
  float query[kHeads][Mine::kValues];
#pragma unroll
  for (int g = 0; g < kHeads; ++g) {
    if (g >= part.heads) continue;
    Mine::read(static_cast<const T*>(a.q) + (part.head + g) * part.width, mine, part.width,
               query[g]);
#pragma unroll
    for (int i = 0; i < Mine::kValues; ++i) query[g][i] *= a.scale;
  }
#pragma unroll 4
  for (int t = warp * kEach + sub; t < kTokens; t += kWarps * kEach) {
    const bool live = part.first + t < part.seen;  // all lanes stay for the shuffles
    float key[Mine::kValues] = {};
    if (live)
      Mine::read(token_at<T>(part.row, 0, part.layer, part.kv_head, part.first + t, part.width),
                 mine, part.width, key);
#pragma unroll
    for (int g = 0; g < kHeads; ++g) {
      if (g >= part.heads) continue;
      float score = 0;
#pragma unroll
      for (int i = 0; i < Mine::kValues; ++i) score += query[g][i] * key[i];
      score = sum_lanes<kLanes>(score);
      if (mine == g) scores[g][t] = live ? score : -INFINITY;
    }
  }
}

// Scores become exponentials; their maximum and sum go to the head's partial, `next` floats apart.
template <typename T>
__device__ inline void share_out(const Part& part, float (&scores)[kHeads][kTokens], float* partial,
                                 std::int64_t next) {
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  for (int g = warp; g < part.heads; g += kWarps) {
    float share[kTokens / 32];
    float most = -INFINITY, sum = 0;
#pragma unroll
    for (int i = 0; i < kTokens / 32; ++i) {
      share[i] = scores[g][i * 32 + lane];
      most = fmaxf(most, share[i]);
    }
    most = max_lanes(most);
#pragma unroll
    for (int i = 0; i < kTokens / 32; ++i) {
      share[i] = exponential<T>(share[i] - most);
      scores[g][i * 32 + lane] = share[i];
      sum += share[i];
    }
    sum = sum_lanes(sum);
    if (lane == 0) {
      partial[g * next] = most;
      partial[g * next + 1] = sum;
    }
  }
}

// Values of a warp's tokens by their shares, one sum a warp.
template <typename T, typename Mine, int V, int kLanes, int kWidth>
__device__ inline void mix_values(const Part& part, const float (&scores)[kHeads][kTokens],
                                  float (&mixes)[kWarps][kHeads][kWidth]) {
  constexpr int kEach = 32 / kLanes;
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const int sub = lane / kLanes, mine = lane % kLanes;
  float sums[kHeads][Mine::kValues] = {};
#pragma unroll 4
  for (int t = warp * kEach + sub; t < kTokens; t += kWarps * kEach) {
    if (part.first + t >= part.seen) continue;
    float value[Mine::kValues];
    Mine::read(token_at<T>(part.row, 1, part.layer, part.kv_head, part.first + t, part.width), mine,
               part.width, value);
#pragma unroll
    for (int g = 0; g < kHeads; ++g) {
      if (g >= part.heads) continue;
#pragma unroll
      for (int i = 0; i < Mine::kValues; ++i) sums[g][i] += scores[g][t] * value[i];
    }
  }
#pragma unroll
  for (int g = 0; g < kHeads; ++g) {
    if (g >= part.heads) continue;
#pragma unroll
    for (int p = 0; p < Mine::kValues / V; ++p) {
#pragma unroll
      for (int i = 0; i < V; ++i) {
        float value = sums[g][p * V + i];
#pragma unroll
        for (int step = kLanes; step < 32; step *= 2)
          value += __shfl_xor_sync(kFullWarp, value, step);
        if (sub == 0) mixes[warp][g][Mine::place(mine, p) + i] = value;
      }
    }
  }
}

// Grid: blocks of tokens, key heads times parts of their groups, sequences.
template <typename T, int V, int kLanes, int kPacks>
__global__ void __launch_bounds__(kThreads) blocks(const CacheAttention a) {
  using Mine = Share<V, kLanes, kPacks>;
  constexpr int kWidth = V * kLanes * kPacks;
  __shared__ float scores[kHeads][kTokens];
  __shared__ float mixes[kWarps][kHeads][kWidth];
  const Part part(a);
  if (part.first >= part.seen) return;
  const std::int64_t stride = part.width + 2;
  float* partial = a.partials + (part.head * a.most_blocks + blockIdx.x) * stride;
  const std::int64_t next = a.most_blocks * stride;  // to the next head
  score_tokens<T, Mine, kLanes>(a, part, scores);
  __syncthreads();
  share_out<T>(part, scores, partial, next);
  __syncthreads();
  mix_values<T, Mine, V, kLanes>(part, scores, mixes);
  __syncthreads();
  for (int n = static_cast<int>(threadIdx.x); n < part.heads * part.width; n += kThreads) {
    const int g = n / part.width, d = n % part.width;
    float sum = mixes[0][g][d];
#pragma unroll
    for (int w = 1; w < kWarps; ++w) sum += mixes[w][g][d];
    partial[g * next + 2 + d] = sum;
  }
}

// Grid: heads of a sequence, sequences; a thread a channel. Leaves packs of V.
template <typename T, int V>
__global__ void __launch_bounds__(kWidest) merge(const CacheAttention a) {
  __shared__ float shares[kWidest], results[kWidest], sums[32];
  const std::int64_t seen = a.table.words[blockIdx.y * a.table.stride];
  const int width = static_cast<int>(a.head_dim), thread = static_cast<int>(threadIdx.x);
  const int threads = static_cast<int>(blockDim.x);
  const int count = static_cast<int>((seen + kTokens - 1) / kTokens);
  const std::int64_t head = static_cast<std::int64_t>(blockIdx.y) * gridDim.x + blockIdx.x;
  const std::int64_t stride = width + 2;
  const float* partial = a.partials + head * a.most_blocks * stride;
  float most = -INFINITY;
  for (int b = thread; b < count; b += threads) most = fmaxf(most, partial[b * stride]);
  most = max_block(most, sums);
  float value = 0, sum = 0;
  for (int from = 0; from < count; from += threads) {
    const int here = min(threads, count - from);
    __syncthreads();
    if (thread < here) shares[thread] = exponential<T>(partial[(from + thread) * stride] - most);
    __syncthreads();
    if (thread >= width) continue;
#pragma unroll 8
    for (int b = 0; b < here; ++b) {
      const float* part = partial + (from + b) * stride;
      sum += shares[b] * part[1];
      value += shares[b] * part[2 + thread];
    }
  }
  if (thread < width) results[thread] = count > 0 ? value / sum : 0.0F;
  __syncthreads();
  T* out = static_cast<T*>(a.out) + head * width;
  for (int n = thread * V; n < width; n += threads * V) {
    float pack[V];
#pragma unroll
    for (int i = 0; i < V; ++i) pack[i] = results[n + i];
    store(out + n, pack);
  }
}

template <typename T, int V, int kLanes, int kPacks>
int launch_blocks(const CacheAttention& a, cudaStream_t stream) {
  const auto parts = static_cast<unsigned>((a.group + kHeads - 1) / kHeads);
  const dim3 grid(static_cast<unsigned>(a.most_blocks), static_cast<unsigned>(a.kv_heads) * parts,
                  static_cast<unsigned>(a.rows));
  return launch_kernel(blocks<T, V, kLanes, kPacks>, grid, kThreads, 0, stream, a);
}

template <typename T>
int launch(const CacheAttention& a, cudaStream_t stream) {
  constexpr int V = 16 / sizeof(T);
  const bool packed = a.packed && aligned(a.q, 16) && aligned(a.out, 16);
  int status = 0;
  if (packed && a.head_dim == 64)
    status = launch_blocks<T, V, 64 / V, 1>(a, stream);
  else if (packed && a.head_dim == 128)
    status = launch_blocks<T, V, 128 / V, 1>(a, stream);
  else
    status = launch_blocks<T, 1, 32, kWidest / 32>(a, stream);
  if (status != 0) return status;
  const dim3 grid(static_cast<unsigned>(a.kv_heads * a.group), static_cast<unsigned>(a.rows));
  const int threads = threads_for(a.head_dim, 1, kWidest);
  if (a.head_dim % V == 0 && aligned(a.out, 16))
    return launch_kernel(merge<T, V>, grid, threads, 0, stream, a);
  return launch_kernel(merge<T, 1>, grid, threads, 0, stream, a);
}

}  // namespace
}  // namespace vega::kernels::device

int vega_cuda_cache_attention(vega::kernels::Element element,
                              const vega::kernels::CacheAttention& args, void* stream) {
  using namespace vega::kernels::device;
  return with_type(element, [&](auto zero) {
    return launch<decltype(zero)>(args, static_cast<cudaStream_t>(stream));
  });
}
