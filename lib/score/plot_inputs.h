// What the kinds of plots share: CSV files, numbers, notes on incomplete rows.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "score/nr3d_table.h"
#include "score/table_rows.h"

namespace vega::score {

inline constexpr std::string_view kAllColumns = "table1";

bool is_csv(const std::string& input);
std::string csv_text(const std::string& path);  // throws InputError

// Records of a CSV behind its comments, numbered as in the file; the first one has the names.
// Throws FormatError (file, line).
std::vector<CsvRecord> records_of(std::string_view text, const std::string& file);
double number_of(const std::string& text, const std::string& place);  // throws FormatError

std::string column_title(const Column& column);  // "ScanQA EM"
std::string or_else(const std::string& text, std::string_view other);

// Names of rows whose numbers are of a part of the questions, for the plot's note.
class Incomplete {
 public:
  void add(const std::string& name, const Cell& cell);
  std::string with(const std::string& note) const;  // note; incomplete: NAME n/of

 private:
  std::string text_;
  std::set<std::string> seen_;
};

// cell_of, with a warning on a number that is not comparable.
std::optional<Cell> warned_cell(const TableRow& row, const Column& column, Incomplete& incomplete);

}  // namespace vega::score
