// Gradient checkpointing: what a function computes on the way is not kept for the backward pass but
// computed again there.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

namespace vega {

using TensorFunction = std::function<at::Tensor(const std::vector<at::Tensor>& inputs)>;

// function(inputs), of which only the inputs are kept; the backward pass calls the function a
// second time, with tensors of the same values. Gradients flow to the inputs that require one and
// to nothing else: every trained tensor must be among the inputs. inputs: all defined. The same
// bits as function(inputs) itself, values and gradients (an input of several calls gets one sum a
// call), provided that what the function reads besides its inputs does not change until the
// backward pass. Without an input that requires a gradient, or with gradients off:
// function(inputs).
at::Tensor recomputed(const TensorFunction& function, const std::vector<at::Tensor>& inputs);

}  // namespace vega
