// Wall time of a piece of work on many frames: worker threads on the CPU, batches between events on
// CUDA.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>

#include "bench/seconds.h"

namespace vega::bench {

// How the threads of the CPU are used: so many workers, each with so many threads inside an
// operation.
struct Mode {
  int workers = 1, inner = 1;
};

// "2 workers, 1 thread each".
std::string to_string(const Mode& mode);

// Does frames [first, first + count).
using Body = std::function<void(std::int64_t first, std::int64_t count)>;

// Seconds a frame; processor time on the CPU only.
// CPU: frames go to the workers one at a time, the clock runs from all workers ready to all done.
// CUDA: calls of `batch` frames on the current stream; warm_up: after one call that is not counted.
class Clock {
 public:
  explicit Clock(at::Device device) : device_(device) {}
  Seconds seconds(const Mode& mode, std::int64_t frames, std::int64_t batch, const Body& body,
                  bool warm_up) const;

 private:
  Seconds on_cpu(const Mode& mode, std::int64_t frames, const Body& body) const;
  Seconds on_cuda(std::int64_t frames, std::int64_t batch, const Body& body, bool warm_up) const;
  at::Device device_;
};

// Best FLOP/s of a square-ish product and of the feed-forward product's shape (rows, 1536) x (1536,
// 8960) with all threads: each worker its own product, or one product with all threads, whichever
// is faster.
double gemm_rate(at::Device device, at::ScalarType dtype, int threads);

}  // namespace vega::bench
