#include "train/deal.h"

#include <algorithm>
#include <numeric>

#include "train/plan.h"

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

std::vector<StepScene> scenes_of_rank(const TrainSetup& setup, Sampler& sampler, std::int64_t k,
                                      int rank) {
  std::vector<StepScene> all = step_scenes(sampler.step(k), setup.data, setup.recipe.division);
  if (setup.recipe.ranks == 1) return all;
  std::vector<std::int64_t> tokens(all.size(), 0);
  for (const PlannedPass& pass : passes_of_step(setup, sampler, k)) {
    const auto found = std::ranges::find(all, pass.scene, &StepScene::scene);
    tokens[static_cast<std::size_t>(found - all.begin())] += pass.size.tokens;
  }
  std::vector<StepScene> out;
  const auto places = dealt_places(tokens, setup.recipe.ranks);
  for (const std::size_t place : places[static_cast<std::size_t>(rank)])
    out.push_back(std::move(all[place]));
  return out;
}

}  // namespace vega::train
