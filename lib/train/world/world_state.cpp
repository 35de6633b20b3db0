#include "train/world/world_state.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <set>

#include "base/error.h"
#include "core/dtype.h"
#include "core/tensor.h"
#include "models/wan/checkpoint.h"
#include "models/wan/names.h"
#include "models/wan/train_dit_tensors.h"
#include "train/float_views.h"

namespace vega::train {
namespace {

// Of language models' AdamW and of many generators': moments that forget sooner than 0.999.
constexpr AdamWOptions kAdamW{.beta1 = 0.9, .beta2 = 0.95};

WeightTable table_of(const WorldRecipe& recipe, const Parameters& values) {
  return wan::training_dit(values, {recipe.device, scalar_type(recipe.dtype)});
}

std::vector<TrainedTensor> trained_of(const WeightTable& weights, MatrixRule rule) {
  std::vector<TrainedTensor> out;
  for (const auto& [name, tensor] : weights) {
    if (!tensor.requires_grad()) continue;
    const bool matrix = wan::dit_role(name) == wan::DitRole::kMatrix;
    out.push_back(
        {name, tensor, "model", matrix && rule == MatrixRule::kMuon ? Rule::kMuon : Rule::kAdamW});
  }
  return out;
}

AdamWOptions adamw_of(const WorldRecipe& recipe) {
  AdamWOptions out = kAdamW;
  out.weight_decay = recipe.weight_decay;
  return out;
}

MuonOptions muon_of(const WorldRecipe& recipe) {
  MuonOptions out;
  out.weight_decay = recipe.weight_decay;
  // Processors without instructions for bf16 multiply it number by number.
  out.type = recipe.dtype == DType::kBF16 ? at::kBFloat16 : at::kFloat;
  return out;
}

void copy_exactly(const at::Tensor& to, const TensorView& from, const std::string& name) {
  const at::Tensor value = tensor_from(from);
  if (value.sizes() != to.sizes())
    throw FormatError(explain(name, "another shape", "that of the model which trains"));
  to.copy_(value);
}

}  // namespace

Parameters starting_values(const WorldRecipe& recipe) {
  if (recipe.from.empty()) return wan::initial_dit(recipe.dit, recipe.seed);
  const wan::Checkpoint model = wan::open_checkpoint(recipe.from);
  model.check_finite(model.dit_config.layers - 1);
  Parameters out;
  for (const NamedTensor& tensor : wan::dit_tensors(model.dit_config))
    out.emplace_back(tensor.canonical, owned_float_from(model.dit.at(tensor.canonical)));
  return out;
}

WorldState::WorldState(const WorldRecipe& recipe, const Parameters& values,
                       const at::Tensor& prompt)
    : ema_(recipe.ema),
      weights_(table_of(recipe, values)),
      prompt_(prompt.defined() ? prompt.to(recipe.device) : prompt),
      network_(recipe.dit, weights_, {scalar_type(recipe.dtype), false}),
      optimizer_(trained_of(weights_, recipe.optimizer), adamw_of(recipe), muon_of(recipe)) {
  trained_ = trained_of(weights_, recipe.optimizer);
  for (const TrainedTensor& one : trained_) averages_.push_back(one.tensor.detach().clone());
}

std::int64_t WorldState::trained_numbers() const {
  std::int64_t out = 0;
  for (const TrainedTensor& one : trained_) out += one.tensor.numel();
  return out;
}

void WorldState::average(std::int64_t done) {
  const c10::NoGradGuard no_gradients;
  std::vector<at::Tensor> values;
  for (const TrainedTensor& one : trained_) values.push_back(one.tensor.detach());
  const auto n = static_cast<double>(done);
  average_step_(averages_, values, std::min(ema_, n / (n + 10)));
}

void WorldState::save(RunFolder& folder, std::int64_t step, const Json& state) const {
  FloatViews model, moments, ema;
  for (std::size_t i = 0; i < trained_.size(); ++i) {
    model.add(trained_[i].name, trained_[i].tensor);
    ema.add(trained_[i].name, averages_[i]);
  }
  for (const auto& [name, tensor] : optimizer_.state()) moments.add(name, tensor);
  StepContent content;
  content.model = model.views();
  content.optimizer = moments.views();
  content.ema = ema.views();
  content.state = state;
  folder.save(step, content);
}

void WorldState::restore(const RunFolder& folder, const StepFolder& step) {
  const c10::NoGradGuard no_gradients;
  std::set<std::string> names, states;
  for (const TrainedTensor& one : trained_) names.insert(one.name);
  for (const auto& [name, tensor] : optimizer_.state()) states.insert(name);
  const TensorSet model = folder.read_tensors(step, "model"),
                  ema = folder.read_tensors(step, "ema"),
                  moments = folder.read_tensors(step, "optimizer");
  require_tensors(names, model, step.path);
  require_tensors(names, ema, step.path);
  require_tensors(states, moments, step.path);
  for (std::size_t i = 0; i < trained_.size(); ++i) {
    copy_exactly(trained_[i].tensor, *model.find(trained_[i].name), trained_[i].name);
    copy_exactly(averages_[i], *ema.find(trained_[i].name), trained_[i].name);
  }
  for (const auto& [name, view] : moments.tensors()) optimizer_.restore(name, tensor_from(view));
}

}  // namespace vega::train
