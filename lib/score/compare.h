// Two systems on the same questions.
#pragma once

#include <string>

#include "score/summary.h"

namespace vega::score {

// Difference (ours minus theirs) per metric with interval, p and its smallest possible value,
// questions won, lost and tied, and the smallest difference that these questions can show.
std::string comparison_text(const Measured& ours, const Measured& theirs,
                            const Certainty& certainty, TableFormat format);

// What two run.json do not share, a line a member; says so where one is missing.
std::string differences_text(const Json& ours, const Json& theirs);

}  // namespace vega::score
