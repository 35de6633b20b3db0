// One thread an output cell and pack of channels; neighbouring threads take neighbouring channels.
// Windows overlap a little, so some cells are read (and their GELU evaluated) twice: cheaper than
// any exchange between threads.
#include "kernels/device.cuh"

namespace vega::kernels::device {
namespace {

constexpr int kThreads = 256;

template <typename T, typename Out, int V, bool kGelu>
__global__ void __launch_bounds__(kThreads) cells(const Pool a) {
  const std::int64_t packs = a.width / V;
  const std::int64_t index = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  const std::int64_t cell = index / packs;  // over frames too
  if (cell >= a.frames * a.oh * a.ow) return;
  const std::int64_t c = index % packs * V;
  const std::int64_t frame = cell / (a.oh * a.ow);
  const std::int64_t oy = cell / a.ow % a.oh;
  const std::int64_t ox = cell % a.ow;
  const std::int64_t top = oy * a.gh / a.oh;
  const std::int64_t bottom = ((oy + 1) * a.gh + a.oh - 1) / a.oh;
  const std::int64_t left = ox * a.gw / a.ow;
  const std::int64_t right = ((ox + 1) * a.gw + a.ow - 1) / a.ow;
  const T* x = static_cast<const T*>(a.x) + frame * a.gh * a.gw * a.width + c;
  float sum[V] = {};
  for (std::int64_t y = top; y < bottom; ++y) {
    for (std::int64_t i = left; i < right; ++i) {
      float v[V];
      load(x + (y * a.gw + i) * a.width, v);
#pragma unroll
      for (int j = 0; j < V; ++j) sum[j] += kGelu ? gelu<T>(v[j]) : v[j];
    }
  }
  const auto count = static_cast<float>((bottom - top) * (right - left));
#pragma unroll
  for (int j = 0; j < V; ++j) sum[j] /= count;
  store(static_cast<Out*>(a.out) + cell * a.width + c, sum);
}

template <typename T, typename Out, int V>
int launch_cells(const Pool& a, bool gelu, cudaStream_t stream) {
  const std::int64_t count = a.frames * a.oh * a.ow * (a.width / V);
  const auto blocks = static_cast<unsigned>((count + kThreads - 1) / kThreads);
  return launch_kernel(gelu ? cells<T, Out, V, true> : cells<T, Out, V, false>, blocks, kThreads, 0,
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
