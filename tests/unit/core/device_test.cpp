#include "core/device.h"

#include <ATen/ATen.h>
#include <catch2/catch.hpp>

#include <string>

#include "base/error.h"
#include "core/on_device.h"
#include "support/cuda.h"
#include "support/support.h"

using namespace vega;

TEST_CASE("device names") {
  CHECK(parse_device("cpu") == at::Device(at::kCPU));
  CHECK(parse_device("cuda") == at::Device(at::kCUDA, 0));
  CHECK(parse_device("cuda:3") == at::Device(at::kCUDA, 3));
  for (const char* wrong :
       {"", "gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:1234", "CPU", "cuda:1 "}) {
    CHECK_THROWS_AS(parse_device(wrong), UsageError);
  }
}

TEST_CASE("the CPU needs no opening and says what it is") {
  const at::Device cpu = open_device("cpu");
  CHECK(cpu.is_cpu());
  CHECK_FALSE(device_name(cpu).empty());
  const DeviceMemory memory = device_memory(cpu);
  CHECK(memory.total > memory.free);
  CHECK(memory.peak >= memory.allocated);
  CHECK(memory.allocated > (1 << 20));
  synchronize(cpu);
  empty_cache(cpu);
}

TEST_CASE("CUDA works", "[cuda]") {
  if (!test::has_cuda("devices")) return;
  const at::Device cuda = open_device("cuda:0");
  CHECK(cuda_device_count() >= 1);
  CHECK_FALSE(device_name(cuda).empty());
  const auto x = at::full({1 << 20}, 2.0F, at::TensorOptions(cuda).dtype(at::kFloat));
  CHECK(x.sum().item<float>() == 2 << 20);
  synchronize(cuda);
  const DeviceMemory memory = device_memory(cuda);
  CHECK(memory.allocated >= 4 << 20);
  CHECK(memory.peak >= memory.allocated);
  CHECK(memory.total > memory.free);
  reset_peak_memory(cuda);
  empty_cache(cuda);
  CHECK_THROWS_AS(open_device("cuda:99"), DeviceError);
  CHECK_THROWS_AS(cuda_symbol("no_such_function"), DeviceError);
}

TEST_CASE("where CUDA is not there it is said why and what to do, every time the same") {
  std::string why;
  if (cuda_available(&why)) {
    CHECK(why.empty());
    return;
  }
  CHECK(why.find("CUDA") != std::string::npos);
  CHECK(why.find("--device cpu") + why.find("make setup") != 2 * std::string::npos);
  std::string again;
  CHECK_FALSE(cuda_available(&again));
  CHECK(again == why);
  CHECK(cuda_device_count() == 0);
  CHECK_THROWS_AS(require_cuda(), DeviceError);
  CHECK_THROWS_AS(open_device("cuda:0"), DeviceError);
}

TEST_CASE("errors of libraries that allocate beside LibTorch count as memory errors") {
  for (const char* text :
       {"CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
        "CUDA error: out of memory\nSearch for `cudaErrorMemoryAllocation'"}) {
    CAPTURE(text);
    CHECK(says_no_device_memory(text));
  }
  for (const char* text :
       {"CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasLtMatmul`",
        "CUDA error: an illegal memory access was encountered", ""}) {
    CAPTURE(text);
    CHECK_FALSE(says_no_device_memory(text));
  }
}
