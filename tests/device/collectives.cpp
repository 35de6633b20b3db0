// Stands in for lib/ranks/nccl_cuda.cpp: collectives of tensors on the emulated device, which are
// memory of the host, by Gloo.
#define USE_C10D_GLOO
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>

#include <ATen/ATen.h>

#include <chrono>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "ranks/nccl_door.h"

namespace vega::host_device {
namespace {

// The same memory as tensors of the CPU, which Gloo takes. Like NCCL it takes no others.
std::vector<at::Tensor> on_host(const std::vector<at::Tensor>& tensors) {
  std::vector<at::Tensor> out;
  for (const at::Tensor& one : tensors) {
    TORCH_CHECK(one.is_cuda() && one.is_contiguous(), "NCCL takes contiguous tensors of a GPU");
    out.push_back(at::from_blob(
        one.data_ptr(), one.sizes(), [one](void*) {}, at::TensorOptions(one.scalar_type())));
  }
  return out;
}

class HostCollectives final : public c10d::Backend {
 public:
  HostCollectives(c10::intrusive_ptr<c10d::Backend> gloo, int rank, int count)
      : Backend(rank, count), gloo_(std::move(gloo)) {}
  const std::string getBackendName() const override { return "nccl"; }
  c10::intrusive_ptr<c10d::Work> allreduce(std::vector<at::Tensor>& tensors,
                                           const c10d::AllreduceOptions& options) override {
    auto host = on_host(tensors);
    return gloo_->allreduce(host, options);
  }
  c10::intrusive_ptr<c10d::Work> reduce(std::vector<at::Tensor>& tensors,
                                        const c10d::ReduceOptions& options) override {
    auto host = on_host(tensors);
    return gloo_->reduce(host, options);
  }
  c10::intrusive_ptr<c10d::Work> broadcast(std::vector<at::Tensor>& tensors,
                                           const c10d::BroadcastOptions& options) override {
    auto host = on_host(tensors);
    return gloo_->broadcast(host, options);
  }

 private:
  c10::intrusive_ptr<c10d::Backend> gloo_;
};

}  // namespace
}  // namespace vega::host_device

extern "C" void* vega_nccl_backend(const void* store, int rank, int count, char* why,
                                   int capacity) {
  try {
    auto options = c10d::ProcessGroupGloo::Options::create(std::chrono::minutes(10));
    options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1"));
    c10::intrusive_ptr<c10d::Backend> out = c10::make_intrusive<vega::host_device::HostCollectives>(
        c10::make_intrusive<c10d::ProcessGroupGloo>(
            *static_cast<const c10::intrusive_ptr<c10d::Store>*>(store), rank, count,
            std::move(options)),
        rank, count);
    return out.release();
  } catch (const std::exception& error) {
    std::strncpy(why, error.what(), static_cast<std::size_t>(capacity) - 1);
    why[capacity - 1] = '\0';
    return nullptr;
  }
}
