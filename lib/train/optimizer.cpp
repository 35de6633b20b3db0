#include "train/optimizer.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "ranks/ranks.h"

namespace vega::train {

std::vector<TrainedTensor> trained_tensors(const std::vector<vlm::Trained>& trained) {
  std::vector<TrainedTensor> out;
  for (const vlm::Trained& one : trained)
    out.push_back({one.name, one.tensor, vlm::name_of(one.part)});
  return out;
}

bool decays(const at::Tensor& tensor) { return tensor.dim() > 1; }

Optimizer::Optimizer(std::vector<TrainedTensor> trained, const AdamWOptions& options,
                     const MuonOptions& muon)
    : options_(options), muon_(muon) {
  for (TrainedTensor& one : trained) {
    const at::Tensor like = one.tensor.detach();
    const bool adamw = one.rule == Rule::kAdamW;
    slots_.push_back({std::move(one), at::zeros_like(like),
                      adamw ? at::zeros_like(like) : at::Tensor(),
                      adamw ? at::zeros({}, like.options().dtype(at::kFloat)) : at::Tensor()});
  }
}

void Optimizer::clear_gradients() {
  for (Slot& slot : slots_) slot.trained.tensor.mutable_grad().reset();
}

std::string Optimizer::gradients() const {
  std::string out;
  for (const Slot& slot : slots_) out += slot.trained.tensor.grad().defined() ? '1' : '0';
  return out;
}

void Optimizer::sum_gradients(Ranks& ranks, const std::vector<std::string>& of_ranks) {
  std::vector<at::Tensor> summed;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const auto has = [&](const std::string& one) { return i < one.size() && one[i] == '1'; };
    if (std::ranges::none_of(of_ranks, has)) continue;
    const at::Tensor& tensor = slots_[i].trained.tensor;
    at::Tensor& gradient = tensor.mutable_grad();
    // -0 is what every number stays the same with, 0 and -0 among them.
    if (!gradient.defined()) gradient = at::full_like(tensor.detach(), -0.0);
    summed.push_back(gradient);
  }
  ranks.sum(summed);
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

void Optimizer::step(const std::map<std::string, double>& rates) {
  const c10::NoGradGuard no_gradients;
  step_adamw(rates);
  step_muon(rates);
}

void Optimizer::step_muon(const std::map<std::string, double>& rates) {
  struct Lists {
    std::vector<at::Tensor> values, gradients, momentum;
  };
  std::map<double, Lists> groups;  // by rate
  for (Slot& slot : slots_) {
    if (slot.trained.rule != Rule::kMuon || !slot.trained.tensor.grad().defined()) continue;
    Lists& lists = groups[rates.at(slot.trained.group)];
    lists.values.push_back(slot.trained.tensor);
    lists.gradients.push_back(slot.trained.tensor.grad());
    lists.momentum.push_back(slot.first);
  }
  for (auto& [rate, lists] : groups)
    muon_step_(lists.values, lists.gradients, lists.momentum, rate, muon_);
}

void Optimizer::step_adamw(const std::map<std::string, double>& rates) {
  // One call for all tensors of one rate and decay.
  std::map<std::pair<double, double>, std::vector<Slot*>> groups;
  for (Slot& slot : slots_) {
    if (slot.trained.rule != Rule::kAdamW || !slot.trained.tensor.grad().defined()) continue;
    const double decay = decays(slot.trained.tensor) ? options_.weight_decay : 0;
    groups[{rates.at(slot.trained.group), decay}].push_back(&slot);
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
    if (slot.trained.rule == Rule::kMuon) {
      out.emplace(slot.trained.name + ".momentum_buffer", slot.first);
      continue;
    }
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
    at::Tensor* to = end == ".exp_avg" || end == ".momentum_buffer" ? &slot.first
                     : end == ".exp_avg_sq"                         ? &slot.second
                     : end == ".step"                               ? &slot.step
                                                                    : nullptr;
    const bool of_muon = end == ".momentum_buffer";
    if (to == nullptr || of_muon != (slot.trained.rule == Rule::kMuon)) continue;
    if (to->numel() != value.numel() || (end != ".step" && to->sizes() != value.sizes()))
      throw FormatError(explain(std::string(name), "another shape", "that of " + own));
    to->copy_(value.reshape(to->sizes()));
    return;
  }
  throw FormatError(
      explain(std::string(name), "a tensor of the optimiser's state", "one of what trains"));
}

}  // namespace vega::train
