#include "train/owned_gradients.h"

#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <limits>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "ranks/ranks.h"
#include "train/optimizer.h"

namespace vega::train {
namespace {

std::vector<at::Tensor> leaves_of(const std::vector<vlm::Trained>& trained) {
  std::vector<at::Tensor> out;
  for (const vlm::Trained& one : trained) out.push_back(one.tensor);
  return out;
}

// The order in which gradients are complete: while the backward pass goes on those of the decoder,
// from its head down to its first layer, then all others.
std::vector<std::vector<std::size_t>> backward_order(const std::vector<vlm::Trained>& trained) {
  std::vector<std::vector<std::size_t>> out(2);
  for (std::size_t i = trained.size(); i-- > 0;)
    out[is_of_decoder(trained[i].name, trained[i].part) ? 0 : 1].push_back(i);
  return out;
}

// The decoder's layer that a tensor is of; more than all of them for the head and the last norm.
std::size_t layer_of(const std::string& name) {
  constexpr std::string_view kLayers = ".layers.";
  const std::size_t at = name.find(kLayers);
  if (at == std::string::npos) return std::numeric_limits<std::size_t>::max();
  return std::stoul(name.substr(at + kLayers.size()));
}

}  // namespace

bool is_of_decoder(const std::string& name, vlm::Part part) {
  return part == vlm::Part::kLora || (part == vlm::Part::kDecoder && name != vlm::embedding_name());
}

// LibTorch calls it when a backward pass has added to a leaf's gradient, once a pass.
class OwnedGradients::Hook final : public torch::autograd::PostAccumulateGradHook {
 public:
  Hook(OwnedGradients& owner, std::size_t place) : owner_(owner), place_(place) {}
  void operator()(const torch::autograd::Variable&) override {
    if (owner_.leaves_early_) owner_.reached(place_);
  }

 private:
  OwnedGradients& owner_;
  std::size_t place_;
};

OwnedGradients::OwnedGradients(Ranks& ranks, const std::vector<vlm::Trained>& trained,
                               std::vector<int> owners)
    : leaves_(leaves_of(trained)),
      watched_(backward_order(trained)[0]),
      complete_(leaves_.size()),
      owners_(std::move(owners)),
      rank_(ranks.rank()),
      sums_(ranks, leaves_, owners_, backward_order(trained)),
      given_(leaves_.size()),
      had_(leaves_.size()) {
  std::size_t layer = std::numeric_limits<std::size_t>::max(), complete = 0;
  for (std::size_t i = 0; i < watched_.size(); ++i) {
    const std::size_t place = watched_[i];
    if (const std::size_t own = layer_of(trained[place].name); own != layer)
      layer = own, complete = i;
    complete_[place] = complete;
    torch::autograd::impl::set_post_acc_grad_hooks(leaves_[place],
                                                   std::make_unique<Hook>(*this, place));
  }
}

OwnedGradients::~OwnedGradients() {
  for (const std::size_t place : watched_)
    torch::autograd::impl::set_post_acc_grad_hooks(leaves_[place], nullptr);
}

void OwnedGradients::clear() {
  sums_.clear();
  had_.assign(had_.size(), false);
}

void OwnedGradients::reached(std::size_t place) {
  for (; closed_ < complete_[place]; ++closed_)
    if (!given_[watched_[closed_]]) made(watched_[closed_]);
  made(place);
}

void OwnedGradients::made(std::size_t place) {
  if (given_[place]) throw std::logic_error("a gradient that is complete twice");
  at::Tensor& own = leaves_[place].mutable_grad();
  at::Tensor gradient = own;
  own.reset();
  given_[place] = true;
  if (gradient.defined()) had_[place] = true;
  sums_.give(place, std::move(gradient));
}

void OwnedGradients::close(const std::vector<std::size_t>& places) {
  if (!leaves_early_) return;
  for (const std::size_t place : places)
    if (!given_[place]) made(place);
}

void OwnedGradients::end_round() {
  leaves_early_ = false;
  for (std::size_t i = 0; i < leaves_.size(); ++i)
    if (!given_[i]) made(i);
  sums_.end_round();
  given_.assign(given_.size(), false);
}

std::string OwnedGradients::gradients() const {
  std::string out;
  for (const bool one : had_) out += one ? '1' : '0';
  return out;
}

void OwnedGradients::put(const std::vector<std::string>& of_ranks) {
  for (std::size_t i = 0; i < leaves_.size(); ++i)
    if ((owners_[i] == rank_ || owners_[i] == kEveryRank) && any_has(of_ranks, i))
      leaves_[i].mutable_grad() = sums_.sum(i);
}

}  // namespace vega::train
