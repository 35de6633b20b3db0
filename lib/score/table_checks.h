// Numbers of other systems that cannot be what they say: marked, and not ranked.
#pragma once

#include <vector>

#include "score/table_rows.h"

namespace vega::score {

// Marks cells of published and foreign rows:
//   - an overall value that no counts of questions make out of the values of its groups. Where the
//     counts are known (SQA3D; a complete score file among `rows`; VSI-Bench and LIBERO average
//     their groups), it must be theirs, within what rounding hides;
//   - a value of a foreign row that is at most 2 where the other rows of the column are 20 times
//     larger: a fraction among percents, unless the row's file states its unit.
void mark_impossible(std::vector<TableRow>& rows);

}  // namespace vega::score
