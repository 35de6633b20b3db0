#include "train/lent_layers.h"

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>
#include <utility>

#include "core/wide_type.h"
#include "ranks/ranks.h"
#include "train/deal.h"

namespace vega::train {
namespace {

// Groups of what is lent: of each layer, and of the head where it is lent.
std::vector<std::vector<LentTensor>> groups_of(const vlm::TrainModel& model,
                                               const std::vector<int>& owners) {
  std::map<const c10::TensorImpl*, std::size_t> places;
  for (std::size_t i = 0; i < model.trained().size(); ++i)
    places.emplace(model.trained()[i].tensor.unsafeGetTensorImpl(), i);
  std::vector<std::vector<LentTensor>> out;
  for (const auto& leaves : model.layer_leaves()) {
    if (leaves.empty()) continue;
    out.emplace_back();
    for (const at::Tensor& leaf : leaves) {
      const std::size_t place = places.at(leaf.unsafeGetTensorImpl());
      out.back().push_back(
          {leaf, owners[place],
           lent_type(static_cast<std::size_t>(leaf.dim()), model.trained()[place].name,
                     model.options().placement.dtype)});
    }
  }
  return out;
}

}  // namespace

bool is_apart(const std::string& name) {
  return name.starts_with("model.layers.") || name == vlm::kLanguageHead;
}

at::ScalarType lent_type(std::size_t axes, const std::string& name, at::ScalarType compute) {
  return axes < 2 || name == vlm::kLanguageHead ? wide_type(compute) : compute;
}

vlm::TrainModelOptions model_of_rank(const TrainSetup& setup, int rank, int ranks) {
  vlm::TrainModelOptions out = setup.recipe.model;
  if (setup.recipe.zero < 3 || ranks == 1) return out;
  const auto specs = vlm::trained_specs(setup.planned, out.parts, out.lora);
  const std::vector<int> owners = dealt_owners(master_bytes(specs), ranks);
  std::set<std::string> own;
  for (std::size_t i = 0; i < specs.size(); ++i)
    if (owners[i] == rank) own.insert(specs[i].name);
  out.kept = [own = std::move(own)](const std::string& name) {
    if (!is_apart(name)) return vlm::Kept::kByAll;
    return own.contains(name) ? vlm::Kept::kHere : vlm::Kept::kElsewhere;
  };
  return out;
}

LentLayers::LentLayers(Ranks& ranks, vlm::TrainModel& model, const std::vector<int>& owners,
                       OwnedGradients& gradients)
    : gradients_(gradients),
      layers_(model.layer_leaves().size() - 1),
      lent_(ranks, groups_of(model, owners)) {
  const auto leaves = model.layer_leaves();
  const bool lends_head = !leaves.back().empty();
  for (std::size_t n = 0; n < layers_; ++n) stages_.push_back({n, {}});
  if (lends_head) stages_.push_back({layers_, {}});
  for (std::size_t n = layers_; n-- > 0;) stages_.push_back({n, {}});
  // Gradients leave the decoder from its head down: those behind a layer are complete when its
  // backward pass begins.
  std::map<const c10::TensorImpl*, std::size_t> layer_of;
  for (std::size_t n = 0; n < layers_; ++n)
    for (const at::Tensor& leaf : leaves[n]) layer_of.emplace(leaf.unsafeGetTensorImpl(), n);
  for (const std::size_t place : gradients.leaving()) {
    const auto found = layer_of.find(model.trained()[place].tensor.unsafeGetTensorImpl());
    const std::size_t behind = found == layer_of.end() ? layers_ : found->second;
    if (behind > 0) stages_[stages_.size() - behind].behind.push_back(place);
  }
  model.take_layer_values(*this);
}

void LentLayers::begin_round(std::int64_t passes) {
  passes_ = static_cast<std::size_t>(passes);
  gone_ = 0;
  if (passes_ > 0) lent_.begin(stages_.front().group);
}

void LentLayers::go_on() {
  if (gone_ == stages_in_round()) throw std::logic_error("a pass of the decoder too many");
  const Stage& stage = stages_[gone_ % stages_.size()];
  here_.clear();
  gradients_.close(stage.behind);
  if (lent_.begun() == 0) lent_.begin(stage.group);  // memory was short before
  ++gone_;
  here_ = lent_.take();
  if (gone_ < stages_in_round()) lent_.begin(stages_[gone_ % stages_.size()].group);
}

const std::vector<at::Tensor>& LentLayers::at_stage(std::size_t stage) {
  do go_on();
  while ((gone_ - 1) % stages_.size() != stage);
  return here_;
}

std::vector<at::Tensor> LentLayers::layer(std::int64_t n, bool again) {
  const auto place = static_cast<std::size_t>(n);
  return at_stage(again ? stages_.size() - 1 - place : place);
}

at::Tensor LentLayers::head() { return at_stage(layers_).front(); }

void LentLayers::end_round() {
  while (gone_ < stages_in_round()) go_on();
  here_.clear();
}

}  // namespace vega::train
