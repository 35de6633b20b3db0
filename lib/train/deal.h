// Which scenes of a step each rank computes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "train/plan.h"
#include "train/sampler.h"
#include "train/scene_feed.h"
#include "train/setup.h"
#include "train/step_work.h"
#include "vlm/train_parts.h"

namespace vega::train {

// Places among `tokens` that each of `ranks` computes, in their order: the largest is dealt first,
// each goes to the rank that has the fewest tokens so far; of equal ones to the first. More ranks
// than places: the last ones have nothing.
std::vector<std::vector<std::size_t>> dealt_places(const std::vector<std::int64_t>& tokens,
                                                   int ranks);

// The rank of each place, dealt so.
std::vector<int> dealt_owners(const std::vector<std::int64_t>& amounts, int ranks);

// Bytes of each in float32, by which tensors are dealt to their owners.
std::vector<std::int64_t> master_bytes(const std::vector<vlm::TrainedSpec>& specs);

// The scenes of step k that each of setup.recipe.ranks computes, as below.
std::vector<std::vector<StepScene>> scenes_of_ranks(const TrainSetup& setup, Sampler& sampler,
                                                    std::int64_t k);
// The scenes of step k that `rank` of setup.recipe.ranks computes, in the step's order, with the
// weights that they have in the whole step. The tokens are those that the decoder reads.
std::vector<StepScene> scenes_of_rank(const TrainSetup& setup, Sampler& sampler, std::int64_t k,
                                      int rank);
// The scenes of all steps of a rank from `step`, in order, to be read ahead. setup outlives it.
SceneFeed::Next scenes_from(const TrainSetup& setup, std::int64_t step, int rank);

// The most passes that any rank makes over its n-th scene; nothing where none has so many scenes.
std::optional<std::int64_t> most_passes(const std::vector<std::vector<StepScene>>& dealt,
                                        std::size_t n);

// The passes of step k that each rank makes.
std::vector<std::vector<PlannedPass>> passes_of_ranks(const TrainSetup& setup, Sampler& sampler,
                                                      std::int64_t k);

}  // namespace vega::train
