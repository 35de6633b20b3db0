// Memory of a run as LibTorch's allocator sees it: bytes of tensors that were given out and not yet
// given back. Unlike a process's resident set it does not depend on what the system kept or
// swapped, and `vega-train plan` can foretell it.
//
// Not counted: tensors over memory of others (mapped files of weights), what was allocated before
// the first meter of the process was made, and the scratch space of oneDNN and MKL.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace vega::train {

// Counts for the whole process, over all threads. CPU: every block with its size as malloc rounded
// it (at most a page more than was asked for). CUDA: the caching allocator's own numbers.
class MemoryMeter {
 public:
  // The device is open. The first meter of the CPU puts a counting allocator in front of
  // LibTorch's, where it stays: make it before other threads use LibTorch.
  explicit MemoryMeter(at::Device device);

  std::int64_t now() const;   // bytes
  std::int64_t peak() const;  // the most since the last restart, else since counting began
  void restart();             // the peak begins anew, at now()

 private:
  at::Device device_;
};

}  // namespace vega::train
