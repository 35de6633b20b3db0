// Tensors in somebody else's memory (files, mapped or read) <-> at::Tensor.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <span>
#include <vector>

#include "base/dtype.h"

namespace vega {

// A CPU tensor of the view's own type. Shares the view's memory when that is aligned for the type
// (which must then outlive the tensor and must not be written to); a copy otherwise.
at::Tensor tensor_from(const TensorView& view);

// A CPU tensor of float32: shares an aligned float32 view, widens bf16, f16, f64 into new memory.
// Throws InputError for types that are not floating.
at::Tensor float_tensor_from(const TensorView& view);

// A new float32 tensor that owns its memory, whatever the view (safe to write to).
at::Tensor owned_float_from(const TensorView& view);

// A new float32 CPU tensor of that shape with these values, as many as it has elements, in C order.
at::Tensor float_tensor(std::span<const float> values, at::IntArrayRef shape);

// A view on a contiguous CPU tensor (not a copy: the tensor must outlive it). Throws InputError
// otherwise.
TensorView view_of(const at::Tensor& tensor);

// All elements in C order, brought to the CPU first where needed.
std::vector<std::byte> bytes_of(const at::Tensor& tensor);

}  // namespace vega
