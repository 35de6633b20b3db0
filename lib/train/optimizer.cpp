#include "train/optimizer.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "fusion/checkpoint.h"
#include "ranks/ranks.h"
#include "train/deal.h"

namespace vega::train {

namespace {

// Of the spatial release's names: its fusion alone has layer norms.
bool is_bias_or_layer_norm(const std::string& name) {
  return name.ends_with("bias") ||
         (name.starts_with(kSpatialFusionPrefix) && name.find("norm") != name.npos);
}

}  // namespace

std::vector<TrainedTensor> trained_tensors(const std::vector<vlm::Trained>& trained, Decay decay) {
  std::vector<TrainedTensor> out;
  for (const vlm::Trained& one : trained)
    out.push_back({one.name, one.tensor, vlm::name_of(one.part), Rule::kAdamW,
                   one.kept != vlm::Kept::kByAll,
                   decay == Decay::kReleased && !is_bias_or_layer_norm(one.name)});
  return out;
}

bool any_has(const std::vector<std::string>& of_ranks, std::size_t place) {
  return std::ranges::any_of(
      of_ranks, [&](const std::string& one) { return place < one.size() && one[place] == '1'; });
}

namespace {

constexpr auto kFirst = ".exp_avg", kSecond = ".exp_avg_sq", kStep = ".step",
               kMomentum = ".momentum_buffer";

}  // namespace

Optimizer::Optimizer(std::vector<TrainedTensor> trained, const AdamWOptions& options,
                     const MuonOptions& muon, StateShare share)
    : share_(share), options_(options), muon_(muon) {
  std::vector<std::int64_t> bytes;
  for (const TrainedTensor& one : trained)
    bytes.push_back(static_cast<std::int64_t>(one.tensor.nbytes()));
  const std::vector<int> owners = dealt_owners(bytes, share.ranks);
  for (TrainedTensor& one : trained)
    slots_.push_back({std::move(one), owners[slots_.size()], {}, {}, {}});
  for (Slot& slot : slots_) {
    if (slot.owner != share.rank) continue;
    const at::Tensor like = slot.trained.tensor.detach();
    slot.first = at::zeros_like(like);
    if (slot.trained.rule != Rule::kAdamW) continue;
    slot.second = at::zeros_like(like);
    slot.step = at::zeros({}, like.options().dtype(at::kFloat));
  }
}

void Optimizer::clear_gradients() {
  for (Slot& slot : slots_) slot.trained.tensor.mutable_grad().reset();
}

namespace {

at::Tensor norm_of(const at::Tensor& gradient) {
  return at::linalg_vector_norm(gradient.detach(), 2, std::nullopt, false, at::kDouble);
}

double norm_of_all(const std::vector<at::Tensor>& norms) {
  return norms.empty() ? 0 : at::linalg_vector_norm(at::stack(norms), 2).item<double>();
}

}  // namespace

double Optimizer::gradient_norm() const {
  std::vector<at::Tensor> norms;
  for (const Slot& slot : slots_)
    if (slot.trained.tensor.grad().defined()) norms.push_back(norm_of(slot.trained.tensor.grad()));
  return norm_of_all(norms);
}

double Optimizer::gradient_norm(Ranks& ranks, const std::vector<std::string>& of_ranks) const {
  const at::Tensor all = at::zeros({std::ssize(slots_)}, at::kDouble);
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const at::Tensor& gradient = slots_[i].trained.tensor.grad();
    if (gradient.defined()) all[static_cast<std::int64_t>(i)].copy_(norm_of(gradient));
  }
  ranks.sum({all});  // of each only its owner has something: no bit changes
  std::vector<at::Tensor> norms;
  for (std::size_t i = 0; i < slots_.size(); ++i)
    if (any_has(of_ranks, i)) norms.push_back(all[static_cast<std::int64_t>(i)]);
  return norm_of_all(norms);
}

std::vector<int> Optimizer::owners() const {
  std::vector<int> out;
  for (const Slot& slot : slots_) out.push_back(slot.owner);
  return out;
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

bool Optimizer::moves(const Slot& slot, Rule rule) const {
  return slot.trained.rule == rule && slot.owner == share_.rank &&
         slot.trained.tensor.grad().defined();
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
    if (!moves(slot, Rule::kMuon)) continue;
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
    if (!moves(slot, Rule::kAdamW)) continue;
    const bool decays = slot.trained.decays || slot.trained.tensor.dim() > 1;
    const double decay = decays ? options_.weight_decay : 0;
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

void Optimizer::spread_values(Ranks& ranks, const std::vector<std::string>& of_ranks) {
  if (share_.ranks == 1) return;
  std::vector<at::Tensor> values;
  std::vector<int> owners;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].trained.apart || !any_has(of_ranks, i)) continue;
    values.push_back(slots_[i].trained.tensor.detach());
    owners.push_back(slots_[i].owner);
  }
  ranks.spread(values, owners);
}

std::map<std::string, at::Tensor> Optimizer::state() const {
  std::map<std::string, at::Tensor> out;
  for (const Slot& slot : slots_) {
    if (slot.owner != share_.rank) continue;
    const std::string& name = slot.trained.name;
    if (slot.trained.rule == Rule::kMuon) {
      out.emplace(name + kMomentum, slot.first);
      continue;
    }
    out.emplace(name + kFirst, slot.first);
    out.emplace(name + kSecond, slot.second);
    out.emplace(name + kStep, slot.step);
  }
  return out;
}

std::set<std::string> Optimizer::state_names() const {
  std::set<std::string> out;
  for (const Slot& slot : slots_) {
    const std::string& name = slot.trained.name;
    if (slot.trained.rule == Rule::kMuon)
      out.insert(name + kMomentum);
    else
      out.insert({name + kFirst, name + kSecond, name + kStep});
  }
  return out;
}

void Optimizer::restore(std::string_view name, const at::Tensor& value) {
  const c10::NoGradGuard no_gradients;
  for (Slot& slot : slots_) {
    const std::string& own = slot.trained.name;
    if (slot.owner != share_.rank || !name.starts_with(own)) continue;
    const std::string_view end = name.substr(own.size());
    at::Tensor* to = end == kFirst || end == kMomentum ? &slot.first
                     : end == kSecond                  ? &slot.second
                     : end == kStep                    ? &slot.step
                                                       : nullptr;
    const bool of_muon = end == kMomentum;
    if (to == nullptr || of_muon != (slot.trained.rule == Rule::kMuon)) continue;
    if (to->numel() != value.numel() || (end != kStep && to->sizes() != value.sizes()))
      throw FormatError(explain(std::string(name), "another shape", "that of " + own));
    to->copy_(value.reshape(to->sizes()));
    return;
  }
  throw FormatError(
      explain(std::string(name), "a tensor of the optimiser's state", "one of what trains"));
}

}  // namespace vega::train
