// Devices by name, and the door to the CUDA half.
//
// Executables link LibTorch's CPU half only. Everything that touches CUDA lives in one shared
// library, libvega_cuda.so, which open_device loads when a CUDA device is first asked for.
//
// LibTorch asks once in the life of a process whether there is CUDA, and keeps the answer. What
// makes it ask: at::hasCUDA(), at::manual_seed(), and, on tensors of the CPU too, a convolution
// (at::conv2d) and a backward pass. After any of these open_device("cuda") fails for good. So a
// program calls open_device right after it has read its options, before it computes anything.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace vega {

// "cpu", "cuda" (= "cuda:0"), "cuda:N". Reads the name only, loads nothing. Throws UsageError.
at::Device parse_device(std::string_view name);

// parse_device, and for CUDA: loads the CUDA half and checks that the device exists and is of
// compute capability 8.0 or newer. Throws DeviceError that says exactly what is missing, and the
// remedy.
at::Device open_device(std::string_view name);
// Checks a device that parse_device gave, as open_device does. Throws DeviceError.
at::Device use_device(at::Device device);

// Loads the CUDA half and checks that a usable device is there. Throws DeviceError. A failure is
// remembered: the same error again, without another attempt.
void require_cuda();

// Whether require_cuda succeeds; if not and `why` is given, the reason.
bool cuda_available(std::string* why = nullptr);

// Number of CUDA devices; 0 where cuda_available is false.
int cuda_device_count();

// Marketing name ("NVIDIA H200", or the processor's model name for the CPU).
std::string device_name(at::Device device);

// 10 * major + minor of a CUDA device's compute capability: 90 of an H100.
int compute_capability(at::Device device);

// Bytes. For the CPU: of the host, with allocated and peak = resident set and its high-water mark.
struct DeviceMemory {
  std::int64_t free = 0, total = 0;
  std::int64_t allocated = 0, peak = 0;  // by this process, through LibTorch's allocator
};
DeviceMemory device_memory(at::Device device);

// Starts `peak` anew (CUDA; on the CPU the kernel's mark cannot be reset by a process: no effect).
void reset_peak_memory(at::Device device);

// How often LibTorch's allocator had no memory in this process: the errors, and the times when
// whoever asked went on without a word. cuDNN does, with another plan for a convolution whose
// workspace does not fit. 0 on the CPU. Throws DeviceError where a CUDA device was never opened.
std::int64_t refused_allocations(at::Device device);

// Waits until all work queued on the device is done; nothing to do on the CPU.
// Throws DeviceError when a kernel failed meanwhile.
void synchronize(at::Device device);

// Gives cached memory back to the driver; nothing to do on the CPU.
void empty_cache(at::Device device);

// The current stream (a cudaStream_t) of a CUDA device.
void* current_stream(at::Device device);

// Address of an extern "C" function of the CUDA half. Throws DeviceError when the library is
// missing or of another build.
void* cuda_symbol(const char* name);
// The same of a function that the CUDA half need not have: null where it has none, or where there
// is no CUDA.
void* find_cuda_symbol(const char* name);

// Throws DeviceError naming the kernel and CUDA's words when `status` (a cudaError_t) is not 0,
// DeviceMemoryError when the device's memory is used up.
void check_cuda(const char* what, int status);

}  // namespace vega
