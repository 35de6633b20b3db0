// The CUDA half's recorded work: LibTorch's graph, with a memory pool of its own.
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <memory>
#include <string_view>

#include "core/cuda_graph.h"

namespace {

namespace caching = c10::cuda::CUDACachingAllocator;

struct Recorded {
  explicit Recorded(c10::DeviceIndex on)
      : device(on),
        before(c10::cuda::getCurrentCUDAStream(on)),
        stream(c10::cuda::getStreamFromPool(/*isHighPriority=*/false, on)),
        pool(at::cuda::graph_pool_handle()) {}

  c10::DeviceIndex device;
  c10::cuda::CUDAStream before, stream;
  c10::MempoolId_t pool;
  at::cuda::CUDAGraph graph;
};

// Takes back what LibTorch leaves open where a recording fails: the pool of its memory. The failure
// itself is what counts, so that this one throws nothing.
void close_pool(const Recorded& recorded) {
  try {
    caching::endAllocateToPool(recorded.device, recorded.pool);
    caching::releasePool(recorded.device, recorded.pool);
  } catch (const std::exception&) {  // it is closed, or was not opened
  }
}

// work(), with what it throws as text.
template <typename Work>
int told(char* why, int capacity, const Work& work) {
  try {
    work();
    return 0;
  } catch (const std::exception& error) {
    const std::string_view text(error.what());
    const auto length =
        std::min({text.find('\n'), text.size(), static_cast<std::size_t>(capacity) - 1});
    std::memcpy(why, text.data(), length);
    why[length] = '\0';
    return 1;
  }
}

}  // namespace

int vega_cuda_graph_begin(int device, void** graph, char* why, int capacity) {
  return told(why, capacity, [&] {
    const c10::cuda::CUDAGuard guard(static_cast<c10::DeviceIndex>(device));
    auto made = std::make_unique<Recorded>(static_cast<c10::DeviceIndex>(device));
    c10::cuda::setCurrentCUDAStream(made->stream);
    try {
      // Other threads may use the device meanwhile.
      made->graph.capture_begin(made->pool, cudaStreamCaptureModeThreadLocal);
    } catch (...) {
      c10::cuda::setCurrentCUDAStream(made->before);
      close_pool(*made);
      throw;
    }
    *graph = made.release();
  });
}

int vega_cuda_graph_end(void* graph, char* why, int capacity) {
  auto* made = static_cast<Recorded*>(graph);
  const int status = told(why, capacity, [&] {
    const c10::cuda::CUDAGuard guard(made->device);
    try {
      made->graph.capture_end();
    } catch (...) {
      close_pool(*made);
      throw;
    }
  });
  c10::cuda::setCurrentCUDAStream(made->before);
  return status;
}

int vega_cuda_graph_replay(void* graph, char* why, int capacity) {
  auto* made = static_cast<Recorded*>(graph);
  return told(why, capacity, [&] {
    const c10::cuda::CUDAGuard guard(made->device);
    made->graph.replay();
  });
}

void vega_cuda_graph_free(void* graph) { delete static_cast<Recorded*>(graph); }
