#include "vlm/train_pictures.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "models/qwen2_5_vl/positions.h"
#include "vlm/assembly.h"
#include "vlm/word_loss.h"

namespace vega::vlm {

PicturePass::PicturePass(const TrainModel::Impl& model, const SceneInput& scene,
                         std::span<const TrainSample> samples, const PassOptions& options,
                         bool gradients)
    : model_(model),
      scene_(scene),
      samples_(samples),
      options_(options),
      gradients_(gradients),
      all_(samples.size()),
      cells_(scene.grid[0] * scene.grid[1]) {
  std::iota(all_.begin(), all_.end(), std::size_t{0});
  const auto pictures = options.see_visual ? std::ssize(scene_.frame_ids) : 0;
  for (const TrainSample& sample : samples_) {
    prompts_.push_back(train_prompt(sample, options.see_visual, model_.checkpoint.config.control));
    const auto shown = std::ranges::count(prompts_.back().ids, kImageId);
    if (shown != pictures)
      throw InputError(explain("sample " + sample.id, fmt::format("{} pictures", shown),
                               fmt::format("{}, those of {}", pictures, scene_.key)));
  }
  result_.samples.resize(samples_.size());
}

// Tokens of all pictures, (V * cells, H).
at::Tensor PicturePass::look() {
  const PictureEyes::Seen seen = model_.eyes->look(scene_);
  if (!seen.features.defined()) return seen.tokens.flatten(0, 2);
  const SpatialFusion fusion = model_.picture_fusion();
  const SpatialFusion::Result made = fusion.forward(seen.tokens, seen.features, options_.dropout);
  if (made.trace.semantic_weight.defined())
    result_.gate = made.trace.semantic_weight.mean().item<double>();
  return made.fused.flatten(0, 2);
}

PassResult PicturePass::run() {
  const at::Tensor made = options_.see_visual ? look() : at::Tensor();
  // Gradients of the tokens are collected over all passes, and go back through the fusion once.
  const bool goes_back = gradients_ && made.defined() && made.requires_grad();
  const at::Tensor pictures = goes_back ? made.detach().requires_grad_(true) : made;
  for (const PackedPass& pass : pack(prompts_, cells_, model_.most_tokens(),
                                     model_.options.pass_tokens, model_.checkpoint.config.control))
    read(pass, pictures);
  if (goes_back && pictures.grad().defined()) torch::autograd::backward({made}, {pictures.grad()});
  return std::move(result_);
}

void PicturePass::read(const PackedPass& pass, const at::Tensor& pictures) {
  const at::Tensor embeddings = embed(pass, pictures);
  result_.tokens += embeddings.size(0);
  std::optional<DropoutKey> key = options_.dropout;
  if (key) key->pass = fmt::format("{}/{}/", key->pass, passes_);
  ++passes_;
  const at::Tensor hidden =
      model_.decoder->forward(embeddings, positions(pass), pass.layout, key ? &*key : nullptr);
  const at::Tensor total =
      word_loss({*model_.decoder, model_.master_type(), samples_, prompts_, gradients_}, pass, all_,
                hidden, result_);
  if (gradients_ && total.defined() && total.requires_grad()) total.backward();
}

// The beginning that the samples share, then what each has of its own.
at::Tensor PicturePass::embed(const PackedPass& pass, const at::Tensor& pictures) const {
  std::vector<at::Tensor> parts;
  const auto append = [&](std::span<const std::int64_t> ids, std::int64_t picture,
                          std::int64_t length) {
    for (std::size_t i = 0; i < ids.size() && length > 0;) {
      if (ids[i] == kImageId) {
        const std::int64_t count = std::min(cells_, length);
        parts.push_back(pictures.narrow(0, cells_ * picture++, count));
        length -= count;
        ++i;
        continue;
      }
      const auto end = static_cast<std::size_t>(
          std::find(ids.begin() + std::ptrdiff_t(i), ids.end(), kImageId) - ids.begin());
      const std::size_t count = std::min(end - i, static_cast<std::size_t>(length));
      parts.push_back(model_.decoder->embed(ids.subspan(i, count)));
      length -= static_cast<std::int64_t>(count);
      i = end;
    }
  };
  const auto shared = static_cast<std::size_t>(pass.prefix_ids);
  const auto& first = prompts_[pass.samples.front()].ids;
  const auto in_prefix =
      std::count(first.begin(), first.begin() + std::ptrdiff_t(shared), kImageId);
  if (shared > 0) append(std::span(first).first(shared), 0, pass.layout.prefix);
  for (std::size_t n = 0; n < pass.samples.size(); ++n)
    append(std::span(prompts_[pass.samples[n]].ids).subspan(shared), in_prefix, pass.own[n]);
  return at::cat(parts).contiguous();
}

// (3, L): of each sample as if it stood alone.
at::Tensor PicturePass::positions(const PackedPass& pass) const {
  const auto of = [&](std::size_t sample) {
    qwen2_5_vl::PositionCounter counter;
    for (const std::int64_t id : prompts_[sample].ids) {
      if (id == kImageId)
        counter.picture(scene_.grid[0], scene_.grid[1]);
      else
        counter.text(1);
    }
    return counter.take();
  };
  const std::int64_t prefix = pass.layout.prefix;
  std::vector<at::Tensor> parts;
  for (std::size_t n = 0; n < pass.samples.size(); ++n) {
    const at::Tensor all = of(pass.samples[n]);
    if (n == 0 && prefix > 0) parts.push_back(all.slice(-1, 0, prefix));
    parts.push_back(all.slice(-1, prefix, prefix + pass.own[n]));
  }
  return at::cat(parts, -1).contiguous();
}

}  // namespace vega::vlm
