#include "nn/recompute.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

namespace vega {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

// How the function travels from the forward pass to the backward pass.
struct HeldFunction : torch::CustomClassHolder {
  explicit HeldFunction(TensorFunction f) : function(std::move(f)) {}
  TensorFunction function;
};

struct RecomputeNode : torch::autograd::Function<RecomputeNode> {
  static Variable forward(AutogradContext* context, at::TensorList inputs,
                          const c10::intrusive_ptr<HeldFunction>& held) {
    const std::vector<at::Tensor> values = inputs.vec();
    context->save_for_backward(values);
    context->saved_data["function"] = c10::IValue::make_capsule(held);
    return held->function(values);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto held = c10::static_intrusive_pointer_cast<HeldFunction>(
        context->saved_data["function"].toCapsule());
    variable_list inputs, wanted;
    for (const Variable& saved : context->get_saved_variables()) {
      inputs.push_back(saved.detach().requires_grad_(saved.requires_grad()));
      if (saved.requires_grad()) wanted.push_back(inputs.back());
    }
    variable_list found;
    {
      const at::AutoGradMode with_gradients(true);
      const Variable out = held->function(inputs);
      found = torch::autograd::grad({out}, wanted, {gradients[0]}, /*retain_graph=*/std::nullopt,
                                    /*create_graph=*/false, /*allow_unused=*/true);
    }
    variable_list all;
    std::size_t next = 0;
    for (const Variable& input : inputs)
      all.push_back(input.requires_grad() ? found[next++] : Variable());
    all.emplace_back();  // of the function itself
    return all;
  }
};

}  // namespace

at::Tensor recomputed(const TensorFunction& function, const std::vector<at::Tensor>& inputs) {
  bool any = false;
  for (const at::Tensor& input : inputs) any |= input.requires_grad();
  if (!any || !at::GradMode::is_enabled()) return function(inputs);
  return RecomputeNode::apply(at::TensorList(inputs), c10::make_intrusive<HeldFunction>(function));
}

}  // namespace vega
