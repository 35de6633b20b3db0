// nr3d.csv: the questions of Nr3D. Source: referit3d/referit3d.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "score/truth.h"
#include "tasks/nr3d.h"

namespace vega::score {

// A row. id: its number from 0 (the line of names is none).
struct Nr3dRow {
  std::string id, utterance;
  std::string assignment;  // assignmentid; empty where the file has no such column
  tasks::Nr3dStimulus stimulus;
  std::string type;  // "easy" or "hard", a blank, "view-dependent" or "view-independent"
  // Why the row does not count: of a scan that `scans` does not name, does not mention the target's
  // class, has more than 24 words. Empty: it counts.
  std::string left_out;
};

// Gives every row, in order. scans: a file of names of scans, one a line; empty: all scans. A row
// that cannot be read, or whose target_id or scan_id contradicts its stimulus_id, goes to `broken`
// as its id, the place and what FormatError says. needed: columns that the caller needs besides
// those that every caller does. Throws InputError (scans cannot be opened), FormatError: no such
// table, a column that is not there, a quote that is never closed.
void each_nr3d_row(std::string_view text, const std::string& file,
                   const std::filesystem::path& scans, const std::function<void(Nr3dRow&&)>& use,
                   const std::function<void(const std::string& id, const std::string& place,
                                            const std::string& what)>& broken,
                   const std::vector<std::string>& needed = {});

// The rows that count, for scoring. Rows that do not are counted by their reason. Throws as above,
// and FormatError (line, field) on a row that cannot be read.
std::vector<Truth> read_nr3d_table(std::string_view text, const std::string& file,
                                   const std::filesystem::path& scans, TruthFile& facts);

}  // namespace vega::score
