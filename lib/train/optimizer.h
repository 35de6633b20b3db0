// AdamW over the tensors that train. Source: PyTorch 2.11, torch.optim.AdamW(fused=True) and
// torch.nn.utils.clip_grad_norm_.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "vlm/train_model.h"

namespace vega::train {

struct AdamWOptions {
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  double weight_decay = 0;  // not of norms and biases: of vectors
};

// Whether weight decay concerns a tensor: matrices, but not the zero target.
bool decays(const vlm::Trained& trained);

class Optimizer {
 public:
  // The tensors must be leaves, and stay the same.
  Optimizer(std::vector<vlm::Trained> trained, const AdamWOptions& options);

  void clear_gradients();
  // The norm of all gradients together, in double. A tensor without gradient counts 0.
  double gradient_norm() const;
  // Multiplies all gradients by min(1, most / (norm + 1e-6)); most 0: nothing.
  void clip(double norm, double most);
  // One step with a rate for each part that trains. A tensor without gradient stays as it is, and
  // so do its moments.
  void step(const std::map<vlm::Part, double>& rates);

  // Moments by name: "NAME.exp_avg", "NAME.exp_avg_sq", and "NAME.step" (1). Shared, not copied.
  std::map<std::string, at::Tensor> state() const;
  // Throws FormatError: no such name, another shape.
  void restore(std::string_view name, const at::Tensor& value);

 private:
  struct Slot {
    vlm::Trained trained;
    at::Tensor first, second, step;  // step: scalar float32
  };
  std::vector<Slot> slots_;
  AdamWOptions options_;
};

}  // namespace vega::train
