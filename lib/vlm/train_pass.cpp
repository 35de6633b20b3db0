// One call of a model in training. The decoder may need several passes for the questions about a
// scene: gradients of visual tokens and objects are collected over all of them, and go through
// fusion and projectors once.
#include <ATen/ATen.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <map>

#include "base/error.h"
#include "models/siglip/backbone.h"
#include "vlm/assembly.h"
#include "vlm/train_state.h"
#include "vlm/word_loss.h"

namespace vega::vlm {
namespace {

// (L) or (3, L): positions of a sequence are along the last axis.
at::Tensor stretch(const at::Tensor& positions, std::int64_t from, std::int64_t to) {
  return positions.slice(-1, from, to);
}

}  // namespace

TrainPass::TrainPass(const TrainModel::Impl& model, const SceneInput& scene,
                     std::span<const TrainSample> samples, const PassOptions& options,
                     bool gradients)
    : model_(model),
      scene_(scene),
      samples_(samples),
      options_(options),
      gradients_(gradients),
      visual_(model.visual()),
      embed_([&model](std::span<const std::int64_t> ids) { return model.decoder->embed(ids); }) {
  const ControlIds& control = model_.checkpoint.config.control;
  for (const TrainSample& sample : samples_) {
    prompts_.push_back(train_prompt(sample, options_.see_visual, control));
    sees_ |= std::ranges::count(prompts_.back().ids, kImageId) > 0;
    grounds_ |= prompts_.back().grounding;
  }
  result_.samples.resize(samples_.size());
}

at::Tensor TrainPass::cut(const at::Tensor& tensor, std::vector<Cut>& cuts) const {
  if (!gradients_ || !tensor.defined() || !tensor.requires_grad()) return tensor;
  cuts.push_back({tensor, tensor.detach().requires_grad_(true)});
  return cuts.back().leaf;
}

void TrainPass::send_back(std::vector<Cut>& cuts) const {
  std::vector<at::Tensor> roots, gradients;
  for (const Cut& c : cuts) {
    if (!c.leaf.grad().defined()) continue;
    roots.push_back(c.inner);
    gradients.push_back(c.leaf.grad());
  }
  cuts.clear();
  if (!roots.empty()) torch::autograd::backward(roots, gradients);
}

void TrainPass::read_pixels() {
  if (!scene_.pixels.defined())
    throw InputError(explain("scene " + scene_.key, "no pixels",
                             "pictures for the vision tower, which trains",
                             "read the scene with its pictures (SceneFiles::pixels)"));
  const at::Tensor pixels = siglip::tower_pixels(scene_.pixels).to(model_.options.placement.device);
  scene_.semantic = model_.tower->forward(pixels);
}

// Computes the visual block and the objects, which all questions of the scene share.
void TrainPass::look() {
  if (!sees_ && !grounds_) return;
  if (grounds_ && !visual_.modules().ground)
    throw InputError(explain(model_.checkpoint.path.string(), "no grounding head",
                             "one, for samples that choose an object",
                             "add one, or leave such samples out"));
  if (grounds_ && !scene_.has_objects())
    throw InputError(
        explain("scene " + scene_.key,
                "no objects to choose from" +
                    (scene_.no_objects.empty() ? std::string() : " (" + scene_.no_objects + ")"),
                "objects in its scene file", "vega-extract scene --masks or --boxes adds them"));
  if (model_.tower) read_pixels();
  visual_.check(scene_);
  streams_ = visual_.streams_of(scene_);
  shift_ = visual_.shift(scene_);
  if (sees_) {
    const at::Tensor& main = streams_.semantic.defined() ? streams_.semantic
                             : streams_.fused.defined()  ? streams_.fused
                                                         : streams_.generative;
    visual_tokens_ = block_length(model_.checkpoint.config, main.size(0));
  }
  if (!visual_.gate_reads_question()) return;
  for (at::Tensor* part : {&streams_.encoded, &streams_.semantic, &streams_.generative, &shift_})
    *part = cut(*part, stream_cuts_);
}

FusionInputs TrainPass::fusion_inputs(const TrainSample* question) const {
  FusionInputs out;
  if (question != nullptr) out.instruction = visual_.instruction(question->prompt, embed_);
  out.dropout = options_.dropout;
  return out;
}

// `question`: the one that the gate reads; null: it reads none.
TrainPass::Seen TrainPass::see(const TrainSample* question, std::vector<Cut>& cuts) {
  Streams streams = streams_;
  const bool fused_objects = grounds_ && !visual_.fine_objects();
  if (sees_ || fused_objects) visual_.fuse(scene_, fusion_inputs(question), streams);
  if (streams.gate.defined()) {
    gate_sum_ += streams.gate.mean().item<double>();
    ++gate_count_;
  }
  Seen out;
  if (sees_) out.block = cut(visual_.block(streams, shift_), cuts);
  if (grounds_) out.objects = cut(visual_.objects(scene_, streams), cuts);
  return out;
}

PassResult TrainPass::run() {
  look();
  std::vector<std::size_t> all(samples_.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  const bool alone = visual_.gate_reads_question() && (sees_ || grounds_);
  const std::size_t together = alone ? 1 : all.size();
  for (std::size_t i = 0; i < all.size(); i += together) {
    std::vector<Cut> cuts;
    const Seen seen = see(alone ? &samples_[i] : nullptr, cuts);
    if (!alone) streams_ = {};  // the 27x27 tokens are the largest by far, and used up
    read(seen, std::span(all).subspan(i, together));
    send_back(cuts);
  }
  send_back(stream_cuts_);
  if (gate_count_ > 0) result_.gate = gate_sum_ / static_cast<double>(gate_count_);
  return std::move(result_);
}

// The decoder's passes over the samples at these places, which see the same.
void TrainPass::read(const Seen& seen, std::span<const std::size_t> places) {
  std::vector<TrainPrompt> prompts;
  for (const std::size_t place : places) prompts.push_back(prompts_[place]);
  const ControlIds& control = model_.checkpoint.config.control;
  for (const PackedPass& pass :
       pack(prompts, visual_tokens_, model_.most_tokens(), model_.options.pass_tokens, control)) {
    const at::Tensor embeddings = embed_pass(pass, places, seen);
    result_.tokens += embeddings.size(0);
    std::optional<DropoutKey> key = options_.dropout;
    if (key) key->pass = fmt::format("{}/{}/", key->pass, pass_count_);
    ++pass_count_;
    const at::Tensor hidden = model_.decoder->forward(embeddings, positions_of(pass, places),
                                                      pass.layout, key ? &*key : nullptr);
    at::Tensor total =
        word_loss({*model_.decoder, model_.master_type(), samples_, prompts_, gradients_}, pass,
                  places, hidden, result_);
    const at::Tensor grounding = ground_loss(pass, places, hidden, seen.objects);
    if (grounding.defined()) total = total.defined() ? total + grounding : grounding;
    if (gradients_ && total.defined() && total.requires_grad()) total.backward();
  }
}

at::Tensor TrainPass::embed_pass(const PackedPass& pass, std::span<const std::size_t> places,
                                 const Seen& seen) const {
  const std::int64_t most = model_.most_tokens();
  std::vector<at::Tensor> parts;
  const auto append = [&](std::span<const std::int64_t> ids, const TrainSample& sample,
                          bool has_coords, std::int64_t length) {
    const std::vector<std::int64_t> text(ids.begin(), ids.end());
    static const std::vector<std::array<float, 3>> kNone;
    const at::Tensor embedded =
        visual_.text(text, has_coords ? sample.coords : kNone, embed_, scene_.key);
    parts.push_back(splice(text, embedded, seen.block, {}, length).embeddings);
  };
  const auto shared = static_cast<std::size_t>(pass.prefix_ids);
  const std::size_t first = places[pass.samples.front()];
  if (shared > 0)
    append(std::span(prompts_[first].ids).first(shared), samples_[first], false, most);
  for (std::size_t n = 0; n < pass.samples.size(); ++n) {
    const std::size_t place = places[pass.samples[n]];
    append(std::span(prompts_[place].ids).subspan(shared), samples_[place], true, pass.own[n]);
  }
  return at::cat(parts).contiguous();
}

at::Tensor TrainPass::positions_of(const PackedPass& pass,
                                   std::span<const std::size_t> places) const {
  const std::int64_t prefix = pass.layout.prefix;
  const std::int64_t longest = prefix + std::ranges::max(pass.own);
  std::map<std::int64_t, at::Tensor> by_image;  // positions depend on where the block begins
  const auto of = [&](std::size_t n) {
    const auto& ids = prompts_[places[pass.samples[n]]].ids;
    const auto found = std::ranges::find(ids, kImageId);
    const std::int64_t image = found == ids.end() ? -1 : found - ids.begin();
    at::Tensor& positions = by_image[image];
    if (!positions.defined()) positions = visual_.positions(scene_, image, longest);
    return positions;
  };
  std::vector<at::Tensor> parts;
  if (prefix > 0) parts.push_back(stretch(of(0), 0, prefix));
  for (std::size_t n = 0; n < pass.samples.size(); ++n)
    parts.push_back(stretch(of(n), prefix, prefix + pass.own[n]));
  return at::cat(parts, -1).contiguous();
}

at::Tensor TrainPass::ground_loss(const PackedPass& pass, std::span<const std::size_t> places,
                                  const at::Tensor& hidden, const at::Tensor& objects) {
  std::vector<std::int64_t> rows;
  std::vector<std::size_t> asked;
  for (std::size_t n = 0; n < pass.samples.size(); ++n) {
    if (pass.queries[n] < 0) continue;
    rows.push_back(pass.queries[n]);
    asked.push_back(places[pass.samples[n]]);
  }
  if (rows.empty()) return {};
  const GroundHead& head = *visual_.modules().ground;
  const at::Tensor queries =
      hidden.index_select(0, at::tensor(rows, at::kLong).to(hidden.device()));
  const at::Tensor scores = head.scores_of_each(objects, queries);
  at::Tensor total;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const TrainSample& sample = samples_[asked[i]];
    const at::Tensor loss = head.loss(scores[static_cast<std::int64_t>(i)], sample.positives);
    result_.samples[asked[i]] = {loss.item<double>(), 1};
    const at::Tensor weighted = loss * sample.weight;
    total = total.defined() ? total + weighted : weighted;
  }
  return total;
}

}  // namespace vega::vlm
