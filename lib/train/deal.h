// Which scenes of a step each rank computes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "train/plan.h"
#include "train/sampler.h"
#include "train/setup.h"
#include "train/step_work.h"

namespace vega::train {

// Places among `tokens` that each of `ranks` computes, in their order: the largest is dealt first,
// each goes to the rank that has the fewest tokens so far; of equal ones to the first. More ranks
// than places: the last ones have nothing.
std::vector<std::vector<std::size_t>> dealt_places(const std::vector<std::int64_t>& tokens,
                                                   int ranks);

// The rank of each place, dealt so.
std::vector<int> dealt_owners(const std::vector<std::int64_t>& amounts, int ranks);

// The scenes of step k that each of setup.recipe.ranks computes, as below.
std::vector<std::vector<StepScene>> scenes_of_ranks(const TrainSetup& setup, Sampler& sampler,
                                                    std::int64_t k);
// The scenes of step k that `rank` of setup.recipe.ranks computes, in the step's order, with the
// weights that they have in the whole step. The tokens are those that the decoder reads.
std::vector<StepScene> scenes_of_rank(const TrainSetup& setup, Sampler& sampler, std::int64_t k,
                                      int rank);

// The passes of step k that each rank makes.
std::vector<std::vector<PlannedPass>> passes_of_ranks(const TrainSetup& setup, Sampler& sampler,
                                                      std::int64_t k);

}  // namespace vega::train
