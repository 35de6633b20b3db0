// LIBERO's rollout logs as questions: an episode each.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "score/measures.h"

namespace vega::score {

// Metrics: "average" (mean of the four suites' rates), then the suites. Groups: tasks. The logs may
// be one a suite, or several of a suite (seeds, pooled). run: which run of a log that holds
// several, from 1; 0: there must be one. Throws InputError (a cut log, several runs, episodes that
// are missing unless `partial`, an episode twice), FormatError (tasks/libero.h).
Measured measure_rollouts(std::span<const std::filesystem::path> files, std::int64_t run,
                          bool partial);

}  // namespace vega::score
