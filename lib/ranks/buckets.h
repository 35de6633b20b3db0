// Tensors that travel between ranks together.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "ranks/link.h"

namespace vega {

// As PyTorch's DistributedDataParallel has them. A larger tensor is a bucket of its own.
inline constexpr std::int64_t kBucketBytes = 25 << 20;
inline constexpr std::size_t kBucketsUnderWay = 2;

// Places of tensors, in their order, in groups that fit a bucket and have one type.
std::vector<std::vector<std::size_t>> bucket_places(const std::vector<at::Tensor>& tensors);

// Tensors of one type, side by side on the CPU or where they are. A single one that lies there
// already is taken as it is, and others are copied.
class Bucket {
 public:
  // stays: on the device of its parts, else on the CPU.
  Bucket(std::vector<at::Tensor> parts, bool stays);
  const at::Tensor& flat() const { return flat_; }
  void put_back();                       // the values of flat() into the tensors
  void drop_parts() { parts_.clear(); }  // flat() alone is wanted

  std::unique_ptr<PendingWork> work;

 private:
  std::vector<at::Tensor> parts_;
  at::Tensor flat_;
  bool shared_ = false;  // flat_ is the tensor itself
};

}  // namespace vega
