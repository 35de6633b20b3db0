// What the kinds of plots share: CSV files, numbers, notes on incomplete rows.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "score/table_rows.h"
#include "text/csv.h"

namespace vega::score {

inline constexpr std::string_view kAllColumns = "table1";

// Records of a CSV, fields without outer blanks; the first one has the names, as many as the others
// have fields. Throws FormatError (file, line).
std::vector<text::CsvRecord> records_of(std::string_view text, const std::string& file);
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
