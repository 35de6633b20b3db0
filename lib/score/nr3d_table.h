// nr3d.csv: the questions of Nr3D. Source: referit3d/referit3d.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "score/truth.h"

namespace vega::score {

// The rows that count, ids are their numbers from 0 (the line of names is none). type: "easy" or
// "hard", a blank, "view-dependent" or "view-independent". Rows that do not mention the target's
// class and rows of more than 24 words are left out, with the reason; rows of other scans than
// those of the file `scans` (a name a line; empty: all) too. Throws FormatError (line, field).
std::vector<Truth> read_nr3d_table(std::string_view text, const std::string& file,
                                   const std::filesystem::path& scans, TruthFile& facts);

}  // namespace vega::score
