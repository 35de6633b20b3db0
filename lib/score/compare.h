// Two systems on the same questions.
#pragma once

#include <string>
#include <vector>

#include "score/summary.h"

namespace vega::score {

// A metric of both systems; the test is of ours minus theirs.
struct Comparison {
  std::string metric;
  double ours = 0, theirs = 0;
  metrics::PairedTest test;
};
std::vector<Comparison> compare_systems(const Measured& ours, const Measured& theirs,
                                        const Certainty& certainty);

// Difference per metric with interval, p and its smallest possible value, questions won, lost and
// tied, and the smallest difference that these questions can show.
std::string comparison_text(const std::vector<Comparison>& metrics, TableFormat format);

// What two run.json do not share, a line a member; says so where one is missing.
std::string differences_text(const Json& ours, const Json& theirs);

// The same two as the member "against" of scores.json (docs/formats.md).
Json comparison_json(const std::vector<std::string>& files, const std::vector<Comparison>& metrics,
                     const Json& our_run, const Json& their_run);

}  // namespace vega::score
