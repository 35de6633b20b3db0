#include "ranks/lent_tensors.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <utility>

#include "ranks/link.h"
#include "ranks/ranks.h"

namespace vega {
namespace {

constexpr std::int64_t kAlignment = 64;  // bytes: products may have other last bits elsewhere

}  // namespace

LentTensors::LentTensors(Ranks& ranks, std::vector<std::vector<LentTensor>> groups)
    : ranks_(ranks), groups_(std::move(groups)) {
  for (const auto& group : groups_) {
    std::vector<Sent>& all = sent_.emplace_back();
    for (std::size_t place = 0; place < group.size(); ++place) {
      const LentTensor& one = group[place];
      auto to = std::ranges::find_if(
          all, [&](const Sent& sent) { return sent.owner == one.owner && sent.type == one.type; });
      if (to == all.end()) to = all.insert(to, Sent{one.owner, one.type, {}, {}, 0});
      to->places.push_back(place);
      to->begins.push_back(to->numel);
      const std::int64_t unit = kAlignment / static_cast<std::int64_t>(c10::elementSize(one.type));
      to->numel += (one.kept.numel() + unit - 1) / unit * unit;
    }
  }
}

LentTensors::~LentTensors() = default;

void LentTensors::begin(std::size_t group) {
  const c10::NoGradGuard no_gradients;
  UnderWay next{group, {}, {}};
  for (const Sent& sent : sent_[group]) {
    const at::Device home = groups_[group][sent.places[0]].kept.device();
    next.flat.push_back(at::empty(
        {sent.numel}, at::TensorOptions(sent.type).device(ranks_.takes(home) ? home : at::kCPU)));
    if (sent.owner != ranks_.rank()) continue;
    for (std::size_t i = 0; i < sent.places.size(); ++i) {
      const at::Tensor& kept = groups_[group][sent.places[i]].kept;
      next.flat.back().narrow(0, sent.begins[i], kept.numel()).copy_(kept.detach().reshape({-1}));
    }
  }
  line_.push_back(std::move(next));
  UnderWay& begun = line_.back();
  for (std::size_t i = 0; i < begun.flat.size(); ++i)
    begun.work.push_back(ranks_.begin_spread(begun.flat[i], sent_[group][i].owner));
}

std::vector<at::Tensor> LentTensors::take() {
  const c10::NoGradGuard no_gradients;
  UnderWay first = std::move(line_.front());
  line_.pop_front();
  const std::vector<LentTensor>& group = groups_[first.group];
  std::vector<at::Tensor> out(group.size());
  for (std::size_t i = 0; i < first.flat.size(); ++i) {
    ranks_.end(*first.work[i]);
    const Sent& sent = sent_[first.group][i];
    const at::Tensor flat = first.flat[i].to(group[sent.places[0]].kept.device());
    for (std::size_t n = 0; n < sent.places.size(); ++n) {
      const at::Tensor& kept = group[sent.places[n]].kept;
      out[sent.places[n]] = flat.narrow(0, sent.begins[n], kept.numel()).view(kept.sizes());
    }
  }
  return out;
}

}  // namespace vega
