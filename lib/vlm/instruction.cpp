#include "vlm/instruction.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>

#include "core/wide_type.h"
#include "tasks/prompts.h"
#include "vlm/assembly.h"

namespace vega::vlm {
namespace {

constexpr std::string_view kRelations[] = {
    "left",   "right", "front",       "behind",         "between",         "next",
    "near",   "far",   "inside",      "outside",        "opposite",        "across",
    "toward", "away",  "in front of", "to the left of", "to the right of", "on top of",
    "under",  "below", "above",       "corner"};
constexpr std::string_view kAnswerForms[] = {"Answer the question simply.",
                                             "Answer the question using a single word or phrase."};

}  // namespace

InstructionConfig instruction_of(const text::Tokenizer& tokenizer) {
  std::set<std::int64_t> relation, templates;
  const auto add = [&](std::set<std::int64_t>& to, std::string_view text) {
    for (const std::int32_t id : tokenizer.encode(text, text::Control::kText)) to.insert(id);
  };
  for (const std::string_view words : kRelations) add(relation, words);
  // Two sentences, each tokenised for itself.
  const std::string& instruction = tasks::released_prompts().instruction();
  const std::size_t second = instruction.find(". ") + 2;
  add(templates, std::string_view(instruction).substr(0, second - 1));
  add(templates, std::string_view(instruction).substr(second));
  for (const std::string_view form : kAnswerForms) add(templates, form);
  InstructionConfig out;
  out.relation.assign(relation.begin(), relation.end());
  for (const std::int64_t id : templates)
    if (!relation.contains(id)) out.templates.push_back(id);
  return out;
}

std::vector<std::pair<std::int64_t, float>> instruction_ids(std::span<const std::int64_t> ids,
                                                            std::span<const std::int64_t> labels,
                                                            const InstructionConfig& config) {
  const std::set<std::int64_t> relation(config.relation.begin(), config.relation.end());
  std::set<std::int64_t> templates(config.templates.begin(), config.templates.end());
  for (const std::int64_t id : relation) templates.erase(id);

  const auto image = std::find(ids.begin(), ids.end(), kImageId);
  const auto first = image == ids.end() ? 0 : image - ids.begin() + 1;
  std::vector<std::int64_t> every, human;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0) continue;
    every.push_back(ids[i]);
    const bool ignored = labels.empty() || labels[i] == kIgnoreLabel;
    if (static_cast<std::ptrdiff_t>(i) >= first && ignored) human.push_back(ids[i]);
  }
  if (human.empty()) human = every;
  std::erase_if(human, [&](std::int64_t id) { return templates.contains(id); });
  if (human.empty()) human = every;

  std::vector<std::int64_t> chosen = human;
  const auto size = static_cast<std::int64_t>(chosen.size());
  if (config.tail > 0 && size > config.tail)
    chosen.erase(chosen.begin(), chosen.end() - config.tail);
  std::vector<std::int64_t> related;
  std::copy_if(human.begin(), human.end(), std::back_inserter(related),
               [&](std::int64_t id) { return relation.contains(id); });
  if (!related.empty()) {  // each once, where it stands first
    chosen.insert(chosen.end(), related.begin(), related.end());
    std::set<std::int64_t> seen;
    std::erase_if(chosen, [&](std::int64_t id) { return !seen.insert(id).second; });
  }
  std::vector<std::pair<std::int64_t, float>> out;
  for (const std::int64_t id : chosen) {
    const bool heavy = config.boost > 1 && relation.contains(id);
    out.emplace_back(id, heavy ? static_cast<float>(config.boost) : 1.0F);
  }
  return out;
}

at::Tensor instruction_vector(const at::Tensor& embeddings, std::span<const float> weights) {
  const at::Tensor weight = at::tensor(weights, at::kFloat)
                                .to(embeddings.device(), embeddings.scalar_type())
                                .unsqueeze(1);
  const at::Tensor mean = (embeddings * weight).sum(0) / weight.sum();
  const at::Tensor wide = mean.to(wide_type(mean.scalar_type()));
  return (wide / wide.norm().clamp_min(1e-6)).to(embeddings.scalar_type());
}

}  // namespace vega::vlm
