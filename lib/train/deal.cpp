#include "train/deal.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <numeric>

namespace vega::train {

std::vector<std::vector<std::size_t>> dealt_places(const std::vector<std::int64_t>& tokens,
                                                   int ranks) {
  std::vector<std::size_t> line(tokens.size());
  std::iota(line.begin(), line.end(), std::size_t{0});
  std::stable_sort(line.begin(), line.end(),
                   [&](std::size_t a, std::size_t b) { return tokens[a] > tokens[b]; });
  std::vector<std::vector<std::size_t>> out(static_cast<std::size_t>(ranks));
  std::vector<std::int64_t> sums(out.size(), 0);
  for (const std::size_t place : line) {
    const auto to = static_cast<std::size_t>(std::ranges::min_element(sums) - sums.begin());
    out[to].push_back(place);
    sums[to] += std::max<std::int64_t>(1, tokens[place]);
  }
  for (auto& places : out) std::ranges::sort(places);
  return out;
}

std::vector<int> dealt_owners(const std::vector<std::int64_t>& amounts, int ranks) {
  std::vector<int> out(amounts.size());
  const auto dealt = dealt_places(amounts, ranks);
  for (std::size_t r = 0; r < dealt.size(); ++r)
    for (const std::size_t place : dealt[r]) out[place] = static_cast<int>(r);
  return out;
}

std::vector<std::int64_t> master_bytes(const std::vector<vlm::TrainedSpec>& specs) {
  std::vector<std::int64_t> out;
  for (const vlm::TrainedSpec& spec : specs) out.push_back(4 * element_count(spec.shape));
  return out;
}

std::vector<std::vector<StepScene>> scenes_of_ranks(const TrainSetup& setup, Sampler& sampler,
                                                    std::int64_t k) {
  std::vector<StepScene> all = step_scenes(sampler.step(k), setup.data, setup.recipe.division);
  if (setup.recipe.ranks == 1) return {std::move(all)};
  std::vector<std::int64_t> tokens(all.size(), 0);
  for (const PlannedPass& pass : passes_of_step(setup, sampler, k)) {
    const auto found = std::ranges::find(all, pass.scene, &StepScene::scene);
    tokens[static_cast<std::size_t>(found - all.begin())] += pass.size.tokens;
    ++found->passes;
  }
  std::vector<std::vector<StepScene>> out;
  for (const auto& places : dealt_places(tokens, setup.recipe.ranks)) {
    out.emplace_back();
    for (const std::size_t place : places) out.back().push_back(std::move(all[place]));
  }
  return out;
}

std::vector<std::vector<PlannedPass>> passes_of_ranks(const TrainSetup& setup, Sampler& sampler,
                                                      std::int64_t k) {
  const std::vector<PlannedPass> all = passes_of_step(setup, sampler, k);
  if (setup.recipe.ranks == 1) return {all};
  std::vector<std::vector<PlannedPass>> out;
  for (const auto& scenes : scenes_of_ranks(setup, sampler, k)) {
    out.emplace_back();
    for (const StepScene& one : scenes)
      std::ranges::copy_if(all, std::back_inserter(out.back()),
                           [&](const PlannedPass& pass) { return pass.scene == one.scene; });
  }
  return out;
}

std::vector<StepScene> scenes_of_rank(const TrainSetup& setup, Sampler& sampler, std::int64_t k,
                                      int rank) {
  return std::move(scenes_of_ranks(setup, sampler, k)[static_cast<std::size_t>(rank)]);
}

SceneFeed::Next scenes_from(const TrainSetup& setup, std::int64_t step, int rank) {
  struct Line {
    Sampler sampler;
    std::int64_t step;
    std::vector<StepScene> scenes = {};
    std::size_t place = 0;
  };
  const auto line = std::make_shared<Line>(Line{setup.sampler(), step});
  return [line, &setup, rank]() -> std::optional<std::size_t> {
    while (line->place == line->scenes.size()) {
      if (line->step >= setup.plan.steps) return std::nullopt;
      line->scenes = scenes_of_rank(setup, line->sampler, line->step++, rank);
      line->place = 0;
    }
    return line->scenes[line->place++].scene;
  };
}

std::optional<std::int64_t> most_passes(const std::vector<std::vector<StepScene>>& dealt,
                                        std::size_t n) {
  std::optional<std::int64_t> out;
  for (const auto& scenes : dealt)
    if (n < scenes.size()) out = std::max(out.value_or(0), scenes[n].passes);
  return out;
}

}  // namespace vega::train
