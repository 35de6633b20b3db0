// What core asks of the CUDA half besides kernels: plain functions, no LibTorch types, so that both
// sides agree on nothing but this file.
#pragma once

#include <cstdint>

namespace vega {

struct CudaMemory {
  std::int64_t free, total, allocated, peak;
};

// Functions return 0 or a cudaError_t, except where they return a value.
struct CudaTable {
  std::uint32_t size;     // sizeof(CudaTable): tells another build apart
  std::uint32_t version;  // kCudaTableVersion
  int (*device_count)(int* count);
  int (*device_name)(int device, char* text, int capacity);
  int (*compute_capability)(int device, int* major, int* minor);
  int (*memory)(int device, CudaMemory* out);
  void (*reset_peak)(int device);
  std::int64_t (*refused_allocations)(int device);
  int (*synchronize)(int device);
  void (*empty_cache)();
  void* (*current_stream)(int device);
  const char* (*error_text)(int status);
};

inline constexpr std::uint32_t kCudaTableVersion = 2;

}  // namespace vega

// The one symbol by which core finds the table in the shared library.
extern "C" const vega::CudaTable* vega_cuda_table();
