// The CUDA half's table: device questions answered with the CUDA run time and LibTorch's allocator.
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstring>

#include "core/cuda_table.h"

namespace {

namespace caching = c10::cuda::CUDACachingAllocator;

int device_count(int* count) { return cudaGetDeviceCount(count); }

int device_name(int device, char* text, int capacity) {
  cudaDeviceProp properties;
  const cudaError_t status = cudaGetDeviceProperties(&properties, device);
  if (status != cudaSuccess) return status;
  const auto length =
      std::min(std::strlen(properties.name), static_cast<std::size_t>(capacity) - 1);
  std::memcpy(text, properties.name, length);
  text[length] = '\0';
  return cudaSuccess;
}

int compute_capability(int device, int* major, int* minor) {
  const cudaError_t status =
      cudaDeviceGetAttribute(major, cudaDevAttrComputeCapabilityMajor, device);
  if (status != cudaSuccess) return status;
  return cudaDeviceGetAttribute(minor, cudaDevAttrComputeCapabilityMinor, device);
}

// Runs `body` with `device` current, and puts the former one back. LibTorch's guard does not make a
// context on a device that has none: a process that uses cuda:3 alone leaves nothing on cuda:0.
template <typename Body>
int on_device(int device, Body body) {
  try {
    const c10::cuda::CUDAGuard guard(static_cast<c10::DeviceIndex>(device));
    return body();
  } catch (const c10::Error&) {  // the device cannot be made current
    return cudaErrorInvalidDevice;
  }
}

// LibTorch sets its allocator up on the first allocation; before that there is nothing to report.
bool allocator_ready() { return caching::get() != nullptr && caching::get()->initialized(); }

int memory(int device, vega::CudaMemory* out) {
  std::size_t free = 0;
  std::size_t total = 0;
  const int status = on_device(device, [&] { return cudaMemGetInfo(&free, &total); });
  if (status != cudaSuccess) return status;
  *out = {static_cast<std::int64_t>(free), static_cast<std::int64_t>(total), 0, 0};
  if (allocator_ready()) {
    const auto stats = caching::getDeviceStats(static_cast<c10::DeviceIndex>(device));
    out->allocated = stats.allocated_bytes[0].current;
    out->peak = stats.allocated_bytes[0].peak;
  }
  return cudaSuccess;
}

void reset_peak(int device) {
  if (allocator_ready()) caching::resetPeakStats(static_cast<c10::DeviceIndex>(device));
}

std::int64_t refused_allocations(int device) {
  if (!allocator_ready()) return 0;
  return caching::getDeviceStats(static_cast<c10::DeviceIndex>(device)).num_ooms;
}

int synchronize(int device) {
  return on_device(device, [] { return cudaDeviceSynchronize(); });
}

void empty_cache() {
  if (allocator_ready()) caching::emptyCache();
}

void* current_stream(int device) {
  return c10::cuda::getCurrentCUDAStream(static_cast<c10::DeviceIndex>(device)).stream();
}

const char* error_text(int status) { return cudaGetErrorString(static_cast<cudaError_t>(status)); }

}  // namespace

const vega::CudaTable* vega_cuda_table() {
  static const vega::CudaTable table{sizeof(vega::CudaTable),
                                     vega::kCudaTableVersion,
                                     device_count,
                                     device_name,
                                     compute_capability,
                                     memory,
                                     reset_peak,
                                     refused_allocations,
                                     synchronize,
                                     empty_cache,
                                     current_stream,
                                     error_text};
  return &table;
}
