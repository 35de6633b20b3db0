#include "core/tensor.h"

#include <ATen/ATen.h>

#include <cstring>

#include "base/error.h"
#include "core/dtype.h"

namespace vega {
namespace {

at::Tensor copy_of(const TensorView& view) {
  at::Tensor tensor = at::empty(view.shape, at::TensorOptions(scalar_type(view.dtype)));
  if (view.bytes() > 0) std::memcpy(tensor.mutable_data_ptr(), view.data, view.bytes());
  return tensor;
}

}  // namespace

at::Tensor tensor_from(const TensorView& view) {
  const auto address = reinterpret_cast<std::uintptr_t>(view.data);
  if (view.data == nullptr || address % size_of(view.dtype) != 0) return copy_of(view);
  // from_blob wants a mutable pointer; the header tells callers not to write.
  return at::from_blob(const_cast<std::byte*>(view.data), view.shape,
                       at::TensorOptions(scalar_type(view.dtype)));
}

at::Tensor float_tensor_from(const TensorView& view) {
  const at::Tensor tensor = tensor_from(view);
  if (!tensor.is_floating_point()) {
    throw InputError(explain("tensor", std::string(name_of(view.dtype)),
                             "a floating type (f16, bf16, f32, f64)"));
  }
  return tensor.to(at::kFloat);
}

at::Tensor owned_float_from(const TensorView& view) {
  const at::Tensor tensor = float_tensor_from(view);
  const bool shared = tensor.const_data_ptr() == static_cast<const void*>(view.data);
  return shared ? tensor.clone() : tensor;
}

at::Tensor float_tensor(std::span<const float> values, at::IntArrayRef shape) {
  at::Tensor out = at::empty(shape, at::kFloat);
  std::copy(values.begin(), values.end(), out.mutable_data_ptr<float>());
  return out;
}

TensorView view_of(const at::Tensor& tensor) {
  if (!tensor.device().is_cpu() || !tensor.is_contiguous()) {
    throw InputError(explain("tensor view", tensor.device().is_cpu() ? "strided" : "not on the CPU",
                             "a contiguous CPU tensor", "call .cpu().contiguous()"));
  }
  return {dtype_of(tensor.scalar_type()), tensor.sizes().vec(),
          static_cast<const std::byte*>(tensor.const_data_ptr())};
}

std::vector<std::byte> bytes_of(const at::Tensor& tensor) {
  const at::Tensor plain = tensor.to(at::kCPU).contiguous();
  std::vector<std::byte> bytes(plain.nbytes());
  if (!bytes.empty()) std::memcpy(bytes.data(), plain.const_data_ptr(), bytes.size());
  return bytes;
}

}  // namespace vega
