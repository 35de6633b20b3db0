#include "vlm/word_loss.h"

#include <ATen/ATen.h>

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

namespace vega::vlm {

at::Tensor word_loss(const WordLossCall& call, const PackedPass& pass,
                     std::span<const std::size_t> places, const at::Tensor& hidden,
                     PassResult& result) {
  if (pass.words.empty()) return {};
  // Targets within the shared beginning are the same for every question: computed once.
  std::map<std::pair<std::int64_t, std::int64_t>, std::size_t> known;
  std::vector<std::int64_t> rows, targets;
  std::vector<double> weights;
  std::vector<std::size_t> row_of;  // of each target
  for (const WordTarget& word : pass.words) {
    const auto [at, fresh] = known.try_emplace({word.row, word.target}, rows.size());
    if (fresh) {
      rows.push_back(word.row);
      targets.push_back(word.target);
      weights.push_back(0);
    }
    weights[at->second] +=
        call.gradients ? call.samples[places[pass.samples[word.sample]]].weight : 1;
    row_of.push_back(at->second);
  }
  const auto tensor = [&](const auto& values, at::ScalarType type) {
    return at::tensor(values, type).to(hidden.device());
  };
  const LinearLoss loss =
      call.decoder.loss(hidden.index_select(0, tensor(rows, at::kLong)), tensor(targets, at::kLong),
                        tensor(weights, call.weights));
  const at::Tensor each = loss.per_row.to(at::kCPU, at::kDouble).contiguous();
  const double* value = each.const_data_ptr<double>();
  for (std::size_t i = 0; i < pass.words.size(); ++i) {
    SampleLoss& sample = result.samples[places[pass.samples[pass.words[i].sample]]];
    sample.loss += value[row_of[i]];
    ++sample.targets;
  }
  for (const std::size_t n : pass.samples) {
    SampleLoss& sample = result.samples[places[n]];
    if (!call.prompts[places[n]].grounding && sample.targets > 0)
      sample.loss /= static_cast<double>(sample.targets);
  }
  return loss.sum;
}

}  // namespace vega::vlm
