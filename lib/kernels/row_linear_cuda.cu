// Few rows times matrices that all read these rows. A warp takes two columns of a product: its
// lanes read the weights of a column from end to end, 16 bytes each, once for up to eight rows.
// Every product is added in the order of its place in the row: a row's bits do not depend on the
// others.
#include "kernels/decoder_entry.h"
#include "kernels/device.cuh"

namespace vega::kernels::device {
namespace {

constexpr int kThreads = 256, kWarps = kThreads / 32;

// Weights pass by once.
template <typename T, int V>
__device__ inline void load_once(const T* from, float (&to)[V]) {
  if constexpr (V * sizeof(T) == 16) {
    const auto pack = __builtin_bit_cast(Pack<T, V>, __ldcs(reinterpret_cast<const uint4*>(from)));
#pragma unroll
    for (int i = 0; i < V; ++i) to[i] = widen(pack.value[i]);
  } else {
    load(from, to);
  }
}

// Rows [first, first + kRows) with columns [column, column + kColumns) of a matrix.
template <typename T, int V, int kRows, int kColumns>
__device__ inline void columns(const RowLinears& a, const RowLinears::Part& part, int lane,
                               std::int64_t first, std::int64_t column) {
  const T* x = static_cast<const T*>(a.x) + first * a.in;
  const T* weight = static_cast<const T*>(part.weight) + column * a.in;
  float sums[kColumns][kRows] = {};
#pragma unroll 4
  for (std::int64_t i = lane * V; i < a.in; i += 32 * V) {
    float w[kColumns][V];
#pragma unroll
    for (int n = 0; n < kColumns; ++n) load_once(weight + n * a.in + i, w[n]);
#pragma unroll
    for (int m = 0; m < kRows; ++m) {
      float value[V];
      load(x + m * a.in + i, value);
#pragma unroll
      for (int n = 0; n < kColumns; ++n) {
#pragma unroll
        for (int v = 0; v < V; ++v) sums[n][m] = __fmaf_rn(value[v], w[n][v], sums[n][m]);
      }
    }
  }
#pragma unroll
  for (int n = 0; n < kColumns; ++n) {
#pragma unroll
    for (int m = 0; m < kRows; ++m) {
      float sum = sum_lanes(sums[n][m]);
      if (lane != 0) continue;
      if (part.bias != nullptr) sum += widen(static_cast<const T*>(part.bias)[column + n]);
      static_cast<T*>(part.out)[(first + m) * part.width + column + n] = narrow<T>(sum);
    }
  }
}

// Grid: warps of all matrices, whole groups of kRows rows from first_row on. The rows that are left
// go to a launch of smaller groups.
template <typename T, int V, int kRows>
__global__ void __launch_bounds__(kThreads) products(const RowLinears a, std::int64_t first_row) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  std::int64_t pair = static_cast<std::int64_t>(blockIdx.x) * kWarps + threadIdx.x / 32;
  const std::int64_t pairs0 = (a.parts[0].width + 1) / 2, pairs1 = (a.parts[1].width + 1) / 2,
                     pairs2 = (a.parts[2].width + 1) / 2;
  if (pair >= pairs0 + pairs1 + pairs2) return;  // whole warps
  RowLinears::Part part = a.parts[0];
  if (pair >= pairs0 + pairs1) {
    part = a.parts[2];
    pair -= pairs0 + pairs1;
  } else if (pair >= pairs0) {
    part = a.parts[1];
    pair -= pairs0;
  }
  const std::int64_t first = first_row + static_cast<std::int64_t>(blockIdx.y) * kRows;
  const std::int64_t column = pair * 2;
  if (column + 1 < part.width)
    columns<T, V, kRows, 2>(a, part, lane, first, column);
  else
    columns<T, V, kRows, 1>(a, part, lane, first, column);
}

// As many groups of kRows rows as there are, then smaller groups.
template <typename T, int V, int kRows>
int launch_rows(const RowLinears& a, std::int64_t first, cudaStream_t stream) {
  std::int64_t pairs = 0;
  for (const auto& part : a.parts) pairs += (part.width + 1) / 2;
  const std::int64_t groups = (a.rows - first) / kRows;
  if (groups > 0) {
    const dim3 grid(static_cast<unsigned>((pairs + kWarps - 1) / kWarps),
                    static_cast<unsigned>(groups));
    const int status = launch_kernel(products<T, V, kRows>, grid, kThreads, 0, stream, a, first);
    if (status != 0) return status;
  }
  first += groups * kRows;
  if constexpr (kRows > 1) {
    if (first < a.rows) return launch_rows<T, V, kRows / 2>(a, first, stream);
  }
  return 0;
}

template <typename T>
int launch(const RowLinears& a, cudaStream_t stream) {
  constexpr int V = 16 / sizeof(T);
  bool packed = a.in % V == 0 && aligned(a.x, 16);
  for (const auto& part : a.parts) packed = packed && aligned(part.weight, 16);
  return packed ? launch_rows<T, V, 8>(a, 0, stream) : launch_rows<T, 1, 8>(a, 0, stream);
}

}  // namespace
}  // namespace vega::kernels::device

int vega_cuda_row_linear(vega::kernels::Element element, const vega::kernels::RowLinears& args,
                         void* stream) {
  using namespace vega::kernels::device;
  return with_type(element, [&](auto zero) {
    return launch<decltype(zero)>(args, static_cast<cudaStream_t>(stream));
  });
}
