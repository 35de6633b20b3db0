#include "kernels/device.cuh"

namespace vega::kernels::device {
namespace {

constexpr int kThreads = 256;

template <typename T, int V>
__global__ void __launch_bounds__(kThreads) elements(T* x, std::int64_t count) {
  const std::int64_t i = (static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x) * V;
  if (i + V <= count) {
    float v[V];
    load(x + i, v);
#pragma unroll
    for (int j = 0; j < V; ++j) v[j] = gelu<T>(v[j]);
    store(x + i, v);
    return;
  }
  for (std::int64_t j = i; j < count; ++j) x[j] = narrow<T>(gelu<T>(widen(x[j])));  // the last few
}

template <typename T, int V>
int launch_elements(T* x, std::int64_t count, cudaStream_t stream) {
  const std::int64_t each = std::int64_t{kThreads} * V;
  const auto blocks = static_cast<unsigned>((count + each - 1) / each);
  return launch_kernel(elements<T, V>, blocks, kThreads, 0, stream, x, count);
}

}  // namespace
}  // namespace vega::kernels::device

int vega_cuda_gelu_tanh(vega::kernels::Element element, void* x, std::int64_t count, void* stream) {
  using namespace vega::kernels::device;
  return with_type(element, [&](auto zero) {
    using T = decltype(zero);
    const auto queue = static_cast<cudaStream_t>(stream);
    if (aligned(x, 16)) return launch_elements<T, 16 / sizeof(T)>(static_cast<T*>(x), count, queue);
    return launch_elements<T, 1>(static_cast<T*>(x), count, queue);
  });
}
