// NCCL of LibTorch, for the ranks of a training of which each has a GPU of its own.
#define USE_C10D_NCCL  // LibTorch's CUDA half has it built in; its header asks for the word
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

#include <chrono>
#include <cstdlib>
#include <cstring>

#include "ranks/nccl_door.h"

// Ranks watch over each other themselves (ranks/watch.h): c10d's own watchdogs would end the
// process with a signal, without the name of the rank that failed.
extern "C" void* vega_nccl_backend(const void* store, int rank, int count, char* why,
                                   int capacity) {
  try {
    setenv("TORCH_NCCL_ASYNC_ERROR_HANDLING", "0", 0);
    setenv("TORCH_NCCL_ENABLE_MONITORING", "0", 0);
    auto options = c10d::ProcessGroupNCCL::Options::create();
    options->timeout = std::chrono::hours(24 * 365);
    c10::intrusive_ptr<c10d::Backend> out = c10::make_intrusive<c10d::ProcessGroupNCCL>(
        *static_cast<const c10::intrusive_ptr<c10d::Store>*>(store), rank, count,
        std::move(options));
    return out.release();
  } catch (const std::exception& error) {
    std::strncpy(why, error.what(), static_cast<std::size_t>(capacity) - 1);
    why[capacity - 1] = '\0';
    return nullptr;
  }
}
