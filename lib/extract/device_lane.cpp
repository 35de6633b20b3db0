#include "extract/device_lane.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <chrono>
#include <thread>

#include "core/on_device.h"

namespace vega::extract {
namespace {

c10::Stream computing_stream(at::Device device) {
  return c10::impl::VirtualGuardImpl(device.type()).getStream(device);
}

// A moment of the stream, whose time can be asked.
std::shared_ptr<const c10::Event> moment_of(const c10::Stream& stream) {
  const auto event =
      std::make_shared<c10::Event>(stream.device_type(), c10::EventFlag::BACKEND_DEFAULT);
  event->record(stream);
  return event;
}

}  // namespace

at::Tensor empty_for_copies(at::IntArrayRef sizes, at::ScalarType type, at::Device device) {
  const auto options = at::TensorOptions(at::kCPU).dtype(type);
  if (device.is_cpu()) return at::empty(sizes, options);
  return on_device(device, [&] {
    const c10::DeviceGuard guard(device);  // memory is pinned in a context: not in another GPU's
    return at::empty(sizes, options.pinned_memory(true));
  });
}

double DeviceTimes::busy_s() const {
  double sum = 0;
  for (const auto& [first, last] : busy) sum += 1e-3 * first->elapsedTime(*last);
  return sum;
}

double DeviceTimes::idle_s() const {
  double sum = 0;
  Moment end = before;
  for (const auto& [first, last] : busy) {
    if (end) sum += 1e-3 * end->elapsedTime(*first);
    end = last;
  }
  return sum;
}

void DeviceLane::begin_streams() {
  if (up_) return;
  const c10::impl::VirtualGuardImpl guard(device_.type());
  up_ = guard.getStreamFromGlobalPool(device_);
  down_ = guard.getStreamFromGlobalPool(device_);
}

Arriving DeviceLane::send(std::vector<at::Tensor> tensors) {
  Arriving out;
  if (device_.is_cpu()) {
    out.tensors = std::move(tensors);
    return out;
  }
  return on_device(device_, [&] {
    begin_streams();
    const c10::StreamGuard stream(*up_);
    for (const at::Tensor& from : tensors)
      out.tensors.push_back(from.defined() ? from.to(device_, from.scalar_type(), true) : from);
    out.sources = std::move(tensors);
    out.arrived = moment_of(*up_);
    return std::move(out);
  });
}

void DeviceLane::compute(const Arriving* needed, const std::function<void()>& work) {
  if (device_.is_cpu()) return work();
  on_device(device_, [&] {
    const c10::Stream stream = computing_stream(device_);
    if (needed != nullptr) needed->arrived->block(stream);
    const auto first = moment_of(stream);
    work();
    last_ = moment_of(stream);
    times_.busy.emplace_back(first, last_);
  });
}

Returning DeviceLane::fetch(const std::vector<at::Tensor>& results, const Arriving& needed) {
  Returning out;
  if (device_.is_cpu()) {
    out.tensors = results;
    return out;
  }
  return on_device(device_, [&] {
    last_->block(*down_);
    const c10::StreamGuard stream(*down_);
    for (const at::Tensor& from : results) {
      out.tensors.push_back(empty_for_copies(from.sizes(), from.scalar_type(), device_));
      out.tensors.back().copy_(from, true);
    }
    out.sources = results;
    out.sources.insert(out.sources.end(), needed.tensors.begin(), needed.tensors.end());
    out.sources.insert(out.sources.end(), needed.sources.begin(), needed.sources.end());
    out.returned = moment_of(*down_);
    return std::move(out);
  });
}

bool DeviceLane::wait(const Returning& results, const std::function<bool()>& dropped) const {
  if (!results.returned) return true;
  return on_device(device_, [&] {
    const c10::DeviceGuard guard(device_);
    // Asked now and then: waiting for an event would keep a core of the processor busy.
    while (!results.returned->query()) {
      if (dropped()) return false;
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    return true;
  });
}

DeviceTimes DeviceLane::take_times() {
  DeviceTimes out = std::exchange(times_, {last_, {}});
  return out;
}

}  // namespace vega::extract
