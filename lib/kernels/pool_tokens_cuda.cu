// One thread an output cell and pack of channels; neighbouring threads take neighbouring channels.
// Windows overlap a little, so some cells are read (and their GELU evaluated) twice: cheaper than
// any exchange between threads.
#include "kernels/device.cuh"

namespace vega::kernels::device {
namespace {

constexpr int kThreads = 512;

// First cell of window o of `windows` over n cells; o = windows gives n. A window ends, exclusive,
// at the cell before which the next one begins, rounded up.
__device__ inline int window_first(int o, int windows, int n) {
  return static_cast<int>(static_cast<unsigned>(o) * n / windows);
}
__device__ inline int window_end(int o, int windows, int n) {
  return static_cast<int>((static_cast<unsigned>(o + 1) * n + windows - 1) / windows);
}

// A block takes one output cell and blockDim.x packs of its channels: where the cell lies costs a
// few 32-bit divisions, the same for all threads.
template <typename T, typename Out, int V, bool kGelu>
__global__ void __launch_bounds__(kThreads) cells(const Pool a) {
  const auto gh = static_cast<int>(a.gh), gw = static_cast<int>(a.gw);
  const auto oh = static_cast<int>(a.oh), ow = static_cast<int>(a.ow);
  const std::int64_t c = (static_cast<std::int64_t>(blockIdx.y) * blockDim.x + threadIdx.x) * V;
  if (c >= a.width) return;
  const auto line = static_cast<int>(blockIdx.x / static_cast<unsigned>(ow));  // over frames too
  const int ox = static_cast<int>(blockIdx.x) - line * ow;
  const int frame = line / oh, oy = line - frame * oh;
  const int top = window_first(oy, oh, gh), bottom = window_end(oy, oh, gh);
  const int left = window_first(ox, ow, gw), right = window_end(ox, ow, gw);
  const T* x =
      static_cast<const T*>(a.x) + static_cast<std::int64_t>(frame) * gh * gw * a.width + c;
  float sum[V] = {};
  for (int y = top; y < bottom; ++y) {
    const T* from = x + (static_cast<std::int64_t>(y) * gw + left) * a.width;
#pragma unroll 4
    for (int i = left; i < right; ++i, from += a.width) {
      float v[V];
      load(from, v);
#pragma unroll
      for (int j = 0; j < V; ++j) sum[j] += kGelu ? gelu<T>(v[j]) : v[j];
    }
  }
  const float scale = 1.0F / static_cast<float>((bottom - top) * (right - left));
#pragma unroll
  for (int j = 0; j < V; ++j) sum[j] *= scale;
  store(static_cast<Out*>(a.out) + static_cast<std::int64_t>(blockIdx.x) * a.width + c, sum);
}

template <typename T, typename Out, int V>
int launch_cells(const Pool& a, bool gelu, cudaStream_t stream) {
  const std::int64_t packs = (a.width + V - 1) / V;
  const std::int64_t pieces = (packs + kThreads - 1) / kThreads;  // of about equal size
  const dim3 blocks(static_cast<unsigned>(a.frames * a.oh * a.ow), static_cast<unsigned>(pieces));
  const int threads = threads_for((packs + pieces - 1) / pieces, 1, kThreads);
  return launch_kernel(gelu ? cells<T, Out, V, true> : cells<T, Out, V, false>, blocks, threads, 0,
                       stream, a);
}

}  // namespace
}  // namespace vega::kernels::device

int vega_cuda_pool_tokens(vega::kernels::Element element, vega::kernels::Element out_element,
                          bool gelu, const vega::kernels::Pool& args, void* stream) {
  using namespace vega::kernels::device;
  return with_type(element, [&](auto zero) {
    return with_type(out_element, [&](auto out_zero) {
      using T = decltype(zero);
      using Out = decltype(out_zero);
      const auto queue = static_cast<cudaStream_t>(stream);
      const bool packed = args.width % 4 == 0 && aligned(args.x, 4 * sizeof(T)) &&
                          aligned(args.out, 4 * sizeof(Out));
      if (packed) return launch_cells<T, Out, 4>(args, gelu, queue);
      return launch_cells<T, Out, 1>(args, gelu, queue);
    });
  });
}
