#include "vlm/train_sequence.h"

#include <algorithm>

#include "base/error.h"
#include "vlm/assembly.h"

namespace vega::vlm {
namespace {

bool is_among(std::span<const std::int64_t> ids, std::int64_t id) {
  return std::ranges::find(ids, id) != ids.end();
}

// Calls visit(place in the sequence, id, label) for every token of the text.
template <typename Visit>
void for_each_token(const TrainPrompt& prompt, std::int64_t visual_tokens, const Visit& visit) {
  std::int64_t place = 0;
  for (std::size_t i = 0; i < prompt.ids.size(); ++i) {
    if (prompt.ids[i] == kImageId) {
      place += visual_tokens;
      continue;
    }
    visit(place++, prompt.ids[i], prompt.labels[i]);
  }
}

std::int64_t length_of(std::span<const std::int64_t> ids, std::int64_t visual_tokens) {
  const auto images = std::ranges::count(ids, kImageId);
  return static_cast<std::int64_t>(ids.size()) - images + images * visual_tokens;
}

// Fills a pass that has its samples and its prefix.
void lay_out(PackedPass& pass, std::span<const TrainPrompt> prompts, std::int64_t visual_tokens,
             std::int64_t most, std::span<const std::int64_t> ground_ids) {
  const std::int64_t prefix = pass.layout.prefix;
  std::int64_t first = prefix;  // row of the sample's first own token
  for (std::size_t n = 0; n < pass.samples.size(); ++n) {
    const TrainPrompt& prompt = prompts[pass.samples[n]];
    const std::int64_t length = std::min(prompt.length(visual_tokens), most);
    const std::int64_t own = length - prefix;
    const auto row = [&](std::int64_t place) {
      return place < prefix ? place : first + place - prefix;
    };
    pass.own.push_back(own);
    pass.queries.push_back(-1);
    for_each_token(prompt, visual_tokens,
                   [&](std::int64_t place, std::int64_t, std::int64_t label) {
                     if (label == kIgnoreLabel || place >= length) return;
                     if (prompt.grounding) {
                       if (is_among(ground_ids, label)) pass.queries[n] = row(place);
                     } else if (place > 0) {
                       pass.words.push_back({row(place - 1), label, n});
                     }
                   });
    if (own > 0) pass.layout.lengths.push_back(own);
    first += own;
  }
}

}  // namespace

std::int64_t TrainPrompt::length(std::int64_t visual_tokens) const {
  return length_of(ids, visual_tokens);
}

std::int64_t TrainPrompt::target_count(std::int64_t visual_tokens, std::int64_t most,
                                       std::span<const std::int64_t> ground_ids) const {
  std::int64_t words = 0, grounds = 0;
  for_each_token(*this, visual_tokens, [&](std::int64_t place, std::int64_t, std::int64_t label) {
    if (label == kIgnoreLabel || place >= most) return;
    if (place > 0) ++words;
    if (is_among(ground_ids, label)) grounds = 1;
  });
  return grounding ? grounds : words;
}

TrainPrompt train_prompt(const TrainSample& sample, bool see_visual, const ControlIds& control) {
  const PromptIds& prompt = sample.prompt;
  const std::string where = "sample " + sample.id;
  if (prompt.labels.size() != prompt.ids.size())
    throw InputError(explain(where, std::to_string(prompt.labels.size()) + " labels",
                             std::to_string(prompt.ids.size()) + ", one for each id"));
  TrainPrompt out;
  out.grounding = tasks::is_grounding(sample.task);
  for (std::size_t i = 0; i < prompt.ids.size(); ++i) {
    if (!see_visual && prompt.ids[i] == kImageId) continue;
    out.ids.push_back(prompt.ids[i]);
    out.labels.push_back(prompt.labels[i]);
  }
  const auto is_ground = [&](std::int64_t label) { return is_among(control.ground, label); };
  if (out.grounding && std::ranges::none_of(out.labels, is_ground))
    throw InputError(explain(where, "no <ground> in its answer",
                             "one, whose state finds the object",
                             "give the answer of a grounding task"));
  return out;
}

std::int64_t shared_ids(std::span<const TrainPrompt> prompts, std::int64_t visual_tokens,
                        std::int64_t most, const ControlIds& control) {
  if (prompts.size() < 2) return 0;
  const TrainPrompt& first = prompts.front();
  std::size_t count = first.ids.size();
  for (const TrainPrompt& prompt : prompts) count = std::min(count, prompt.ids.size() - 1);
  for (std::size_t i = 0; i < count; ++i) {
    const auto same = [&](const TrainPrompt& prompt) {
      return prompt.ids[i] == first.ids[i] && prompt.labels[i] == first.labels[i];
    };
    if (is_among(control.coord, first.ids[i]) || !std::ranges::all_of(prompts, same)) count = i;
  }
  const std::span<const std::int64_t> shared(first.ids.data(), count);
  return length_of(shared, visual_tokens) < most ? static_cast<std::int64_t>(count) : 0;
}

std::int64_t PackedPass::targets(std::size_t sample) const {
  if (queries[sample] >= 0) return 1;
  return std::ranges::count_if(words, [&](const WordTarget& w) { return w.sample == sample; });
}

std::vector<PackedPass> pack(std::span<const TrainPrompt> prompts, std::int64_t visual_tokens,
                             std::int64_t most, std::int64_t pass_tokens,
                             const ControlIds& control) {
  if (prompts.empty()) return {};
  const std::int64_t shared = shared_ids(prompts, visual_tokens, most, control);
  const std::span<const std::int64_t> begin(prompts.front().ids.data(),
                                            static_cast<std::size_t>(shared));
  const std::int64_t prefix = length_of(begin, visual_tokens);
  std::vector<PackedPass> out;
  std::int64_t tokens = 0;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const std::int64_t own = std::min(prompts[i].length(visual_tokens), most) - prefix;
    if (out.empty() || prefix + tokens + own > pass_tokens) {
      out.emplace_back();
      out.back().layout.prefix = prefix;
      out.back().prefix_ids = shared;
      tokens = 0;
    }
    out.back().samples.push_back(i);
    tokens += own;
  }
  for (PackedPass& pass : out) lay_out(pass, prompts, visual_tokens, most, control.ground);
  return out;
}

}  // namespace vega::vlm
