// How a prompt becomes what the decoder reads: embeddings with the visual block in its place, cut
// or refused at the model's limit, behind the prefix that all questions of a scene share.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>

#include "base/error.h"
#include "base/log.h"
#include "core/on_device.h"
#include "vlm/vlm.h"

namespace vega::vlm {

Sequence Vlm::assemble(const VisualScene& scene, const PromptIds& prompt,
                       const std::vector<std::array<float, 3>>& coords) const {
  return splice_in(scene, seen(scene, prompt).visual, prompt, coords);
}

Sequence Vlm::splice_in(const VisualScene& scene, const at::Tensor& visual, const PromptIds& prompt,
                        const std::vector<std::array<float, 3>>& coords) const {
  const at::Tensor text = visual_.text(prompt.ids, coords, embed(), scene.input_.key);
  return splice(prompt.ids, text, visual, prompt.labels, checkpoint_.config.most_tokens);
}

// A prompt that leaves room for an answer; one that does not is cut as released, or refused.
void Vlm::check_length(const VisualScene& scene, const at::Tensor& visual,
                       const PromptIds& prompt) const {
  const std::int64_t places = std::ranges::count(prompt.ids, kImageId);
  const std::int64_t text = static_cast<std::int64_t>(prompt.ids.size()) - places;
  const std::int64_t seen = places > 0 && visual.defined() ? visual.size(0) : 0;
  const std::int64_t most = checkpoint_.config.most_tokens;
  const bool cut = options_.switches.cut_prompts;
  if (cut ? seen + text <= most : seen + text < most) return;
  const std::string where = "scene " + scene.input_.key + ": a prompt";
  const std::string got = std::to_string(seen + text) + " tokens, " + std::to_string(seen) +
                          " of the frames and " + std::to_string(text) + " of the text";
  const std::string limit = std::to_string(most) + ", tokenizer_model_max_length in config.json";
  const std::string remedy =
      seen < most ? "shorten the question, or take fewer frames" : "take fewer frames";
  if (!cut) throw InputError(explain(where, got, "fewer than " + limit, remedy));
  log_warn("{}", explain(where, got, "at most " + limit,
                         "its end is cut off as released; --compat fixed refuses it; " + remedy));
}

at::Tensor Vlm::positions_of(const VisualScene& scene, const Sequence& sequence) const {
  return visual_.positions(scene.input_, sequence.image_first, sequence.embeddings.size(0));
}

ReadPrompt Vlm::read_whole(const VisualScene& scene, const PromptIds& prompt,
                           const std::vector<std::array<float, 3>>& coords) const {
  const Seen seen = this->seen(scene, prompt);
  check_length(scene, seen.visual, prompt);
  Sequence sequence = splice_in(scene, seen.visual, prompt, coords);
  ReadPrompt out;
  out.prompt.positions = positions_of(scene, sequence);
  out.prompt.embeddings = sequence.embeddings.contiguous();
  out.labels = std::move(sequence.labels);
  out.objects = seen.objects;
  return out;
}

// Reads what comes before the question, and the visual block.
void Vlm::read_prefix(VisualScene& scene, const PromptIds& begin) const {
  Sequence sequence;
  sequence.embeddings =
      at::cat({decoder_.embed(begin.ids), scene.visual_.to(options_.placement.dtype)});
  sequence.image_first = static_cast<std::int64_t>(begin.ids.size());
  sequence.image_count = scene.visual_.size(0);
  auto cache = std::make_shared<KvCache>(decoder_.new_cache(sequence.embeddings.size(0)));
  decoder_.forward(sequence.embeddings, positions_of(scene, sequence), *cache, true);
  scene.prefix_ = std::move(cache);
  scene.prefix_ids_ = begin.ids;
}

ReadPrompt Vlm::read(VisualScene& scene, const PromptIds& prompt,
                     const std::vector<std::array<float, 3>>& coords, bool share_prefix) const {
  const c10::NoGradGuard no_grad;
  return on_device(options_.placement.device, [&] {
    const auto image = std::ranges::find(prompt.ids, kImageId);
    const std::int64_t before = image - prompt.ids.begin();
    const bool there = image != prompt.ids.end() && scene.visual_.defined();
    const std::int64_t common = there ? before + scene.visual_.size(0) : 0;
    const std::int64_t most = checkpoint_.config.most_tokens;
    if (!share_prefix || !shares_prefix() || before == 0 || !there || common >= most)
      return read_whole(scene, prompt, coords);
    check_length(scene, scene.visual_, prompt);
    const auto part = [&](const std::vector<std::int64_t>& all, std::int64_t first) {
      return all.empty() ? all : std::vector<std::int64_t>(all.begin() + first, all.end());
    };
    const PromptIds begin{{prompt.ids.begin(), image}, {}};
    if (scene.prefix_ && scene.prefix_ids_ != begin.ids) return read_whole(scene, prompt, coords);
    const PromptIds rest{part(prompt.ids, before + 1), part(prompt.labels, before + 1)};
    const at::Tensor text = visual_.text(rest.ids, coords, embed(), scene.input_.key);
    const Sequence sequence = splice(rest.ids, text, {}, rest.labels, most - common);
    if (!scene.prefix_) read_prefix(scene, begin);
    const std::int64_t count = sequence.embeddings.size(0);
    const at::Tensor positions = at::arange(common, common + count, at::kLong);
    ReadPrompt out;
    out.prompt.embeddings = sequence.embeddings.contiguous();
    out.prompt.positions = checkpoint_.config.text.three_components()
                               ? positions.expand({3, count}).contiguous()
                               : positions;
    out.prompt.prefix = scene.prefix_.get();
    out.labels = sequence.labels;
    out.objects = scene.objects_;
    return out;
  });
}

}  // namespace vega::vlm
