// The way of batches to a device and of results back, beside its computing. Copies go on streams of
// their own, from and to pinned memory, and nobody waits for one but who needs it. On the CPU there
// is no way to go: tensors stay what they are.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Event.h>
#include <c10/core/Stream.h>

#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace vega::extract {

// An empty tensor on the host, pinned where the device is a GPU. Throws DeviceError.
at::Tensor empty_for_copies(at::IntArrayRef sizes, at::ScalarType type, at::Device device);

// Tensors of a batch on their way to the device.
struct Arriving {
  std::vector<at::Tensor> tensors;            // on the device, not to be read before `arrived`
  std::vector<at::Tensor> sources;            // on the host
  std::shared_ptr<const c10::Event> arrived;  // null on the CPU
};

// Results of a batch on their way to the host.
struct Returning {
  std::vector<at::Tensor> tensors;             // on the host, readable once `returned` is reached
  std::vector<at::Tensor> sources;             // of the device, which is not done with them before
  std::shared_ptr<const c10::Event> returned;  // null on the CPU
};

// When the device computed, by events of its computing stream.
struct DeviceTimes {
  using Moment = std::shared_ptr<const c10::Event>;
  Moment before;                                // the end of what was computed before; may be null
  std::vector<std::pair<Moment, Moment>> busy;  // beginning and end, in order

  // Once the device has reached the last moment. Idle: between an end and the next beginning.
  double busy_s() const;
  double idle_s() const;
};

// One a run. Its functions are called by the one thread that computes, except those that say so.
// What LibTorch throws comes out as by on_device(). Throws DeviceError, DeviceMemoryError.
class DeviceLane {
 public:
  explicit DeviceLane(at::Device device) : device_(device) {}

  // Begins to copy to the device. Undefined tensors stay so.
  Arriving send(std::vector<at::Tensor> tensors);

  // Calls `work`, which queues work on the computing stream; that stream waits for `needed` first,
  // where something is given. Notes when the device begins and ends with it.
  void compute(const Arriving* needed, const std::function<void()>& work);

  // Begins to copy results of compute() to the host. `needed` is held till that is done.
  Returning fetch(const std::vector<at::Tensor>& results, const Arriving& needed);

  // Waits until results are readable; false when `dropped` says that nobody wants them any more.
  // From any thread.
  bool wait(const Returning& results, const std::function<bool()>& dropped) const;

  // Whether the device has computed anything.
  bool used() const { return last_ != nullptr; }
  // The times of everything that was computed since the last call.
  DeviceTimes take_times();

 private:
  void begin_streams();

  at::Device device_;
  std::optional<c10::Stream> up_, down_;
  DeviceTimes::Moment last_;
  DeviceTimes times_;
};

}  // namespace vega::extract
