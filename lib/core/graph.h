// Work on a CUDA device that is recorded once and then queued as a whole: a step of hundreds of
// small kernels costs one call.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>

namespace vega {

class DeviceGraph {
 public:
  // Records what `work` queues on the device; nothing of it runs. `work` may not wait for the
  // device or copy between it and the host, and its launches keep their arguments: later values
  // come through tensors that stay where they are. Memory that `work` takes belongs to the graph,
  // results included. Work of the same kind must have run once before, so that libraries are set
  // up. Throws DeviceError (the device refuses, with its words), and what `work` throws of its own.
  DeviceGraph(at::Device device, const std::function<void()>& work);
  ~DeviceGraph();
  DeviceGraph(const DeviceGraph&) = delete;
  DeviceGraph& operator=(const DeviceGraph&) = delete;

  // Queues it on the current stream. Throws DeviceError.
  void replay() const;

 private:
  void* graph_ = nullptr;
};

}  // namespace vega
