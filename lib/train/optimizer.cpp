#include "train/optimizer.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"

namespace vega::train {

bool decays(const vlm::Trained& trained) { return trained.tensor.dim() > 1; }

Optimizer::Optimizer(std::vector<vlm::Trained> trained, const AdamWOptions& options)
    : options_(options) {
  for (vlm::Trained& one : trained) {
    const at::Tensor like = one.tensor.detach();
    slots_.push_back({std::move(one), at::zeros_like(like), at::zeros_like(like),
                      at::zeros({}, like.options().dtype(at::kFloat))});
  }
}

void Optimizer::clear_gradients() {
  for (Slot& slot : slots_) slot.trained.tensor.mutable_grad().reset();
}

double Optimizer::gradient_norm() const {
  std::vector<at::Tensor> norms;
  for (const Slot& slot : slots_) {
    const at::Tensor& gradient = slot.trained.tensor.grad();
    if (gradient.defined())
      norms.push_back(
          at::linalg_vector_norm(gradient.detach(), 2, std::nullopt, false, at::kDouble));
  }
  if (norms.empty()) return 0;
  return at::linalg_vector_norm(at::stack(norms), 2).item<double>();
}

void Optimizer::clip(double norm, double most) {
  if (most <= 0) return;
  const double factor = most / (norm + 1e-6);
  if (!(factor < 1)) return;
  const c10::NoGradGuard no_gradients;
  for (Slot& slot : slots_) {
    at::Tensor& gradient = slot.trained.tensor.mutable_grad();
    if (gradient.defined()) gradient.mul_(factor);
  }
}

void Optimizer::step(const std::map<vlm::Part, double>& rates) {
  const c10::NoGradGuard no_gradients;
  // One call for all tensors of one rate and decay.
  std::map<std::pair<double, double>, std::vector<Slot*>> groups;
  for (Slot& slot : slots_) {
    if (!slot.trained.tensor.grad().defined()) continue;
    const double decay = decays(slot.trained) ? options_.weight_decay : 0;
    groups[{rates.at(slot.trained.part), decay}].push_back(&slot);
  }
  for (auto& [how, members] : groups) {
    std::vector<at::Tensor> values, gradients, first, second, steps;
    for (Slot* slot : members) {
      slot->step.add_(1);
      values.push_back(slot->trained.tensor);
      gradients.push_back(slot->trained.tensor.grad());
      first.push_back(slot->first);
      second.push_back(slot->second);
      steps.push_back(slot->step);
    }
    at::_fused_adamw_(values, gradients, first, second, {}, steps, how.first, options_.beta1,
                      options_.beta2, how.second, options_.epsilon, false, false);
  }
}

std::map<std::string, at::Tensor> Optimizer::state() const {
  std::map<std::string, at::Tensor> out;
  for (const Slot& slot : slots_) {
    out.emplace(slot.trained.name + ".exp_avg", slot.first);
    out.emplace(slot.trained.name + ".exp_avg_sq", slot.second);
    out.emplace(slot.trained.name + ".step", slot.step);
  }
  return out;
}

void Optimizer::restore(std::string_view name, const at::Tensor& value) {
  const c10::NoGradGuard no_gradients;
  for (Slot& slot : slots_) {
    const std::string& own = slot.trained.name;
    if (!name.starts_with(own)) continue;
    const std::string_view end = name.substr(own.size());
    at::Tensor* to = end == ".exp_avg"      ? &slot.first
                     : end == ".exp_avg_sq" ? &slot.second
                     : end == ".step"       ? &slot.step
                                            : nullptr;
    if (to == nullptr) continue;
    if (to->numel() != value.numel() || (end != ".step" && to->sizes() != value.sizes()))
      throw FormatError(explain(std::string(name), "another shape", "that of " + own));
    to->copy_(value.reshape(to->sizes()));
    return;
  }
  throw FormatError(
      explain(std::string(name), "a tensor of the optimiser's state", "one of what trains"));
}

}  // namespace vega::train
