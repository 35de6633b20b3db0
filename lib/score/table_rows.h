// Rows of `vega-eval table`: published results, results of other systems out of CSV files, and what
// `vega-eval score` wrote.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "score/scores_file.h"
#include "score/table_columns.h"

namespace vega::score {

// One number, percent (CIDEr: 0 to 1000).
struct Cell {
  double value = std::numeric_limits<double>::quiet_NaN();
  double low = std::numeric_limits<double>::quiet_NaN();  // 95 %; NaN: not known
  double high = std::numeric_limits<double>::quiet_NaN();
  double rounding = 0;             // half of the last digit that a document prints
  std::int64_t n = 0, of = 0;      // questions, where n < of; else 0
  std::string matcher;             // where it is not the column's
  std::vector<std::string> notes;  // below the table
  bool ranked = true;
};

enum class Origin { kPublished, kForeign, kScored };
std::string_view name_of(Origin origin);  // "published", "foreign", "scored"

struct TableRow {
  std::string name, group, reference;
  bool extra_data = false;  // trained on more data than the others
  bool ranked = true;
  Origin origin = Origin::kPublished;
  std::string file;
  bool percent = false;                  // the file says so: no number is taken for a fraction
  std::map<std::string, Cell> cells;     // of CSV files: by Column::text()
  std::vector<Scores> scores;            // of score files
  std::vector<std::string> score_files;  // their names
};

// Rows of a CSV: comments ("# ...") in front, then a line of names: `name`, and as wanted `group`,
// `reference`, `extra_data` (yes), `ranked` (no), `unit` (percent or fraction, then times 100), and
// columns (table_columns.h). `average_rank`, `origin` and `notes` are passed over. Blank cells, "-"
// and "–" hold no number; "60.1 (12/3519)" is a number of a part of the questions. Throws
// FormatError (file, line, column).
std::vector<TableRow> csv_rows(std::string_view text, const std::string& file, Origin origin);

// The rows that come with the program (data/published).
std::vector<TableRow> published_rows();

bool is_csv(const std::string& input);          // by its ending
std::string csv_text(const std::string& path);  // throws InputError

// Rows of other systems (inputs that are CSV files), then those of score files.
std::vector<TableRow> input_rows(std::span<const std::string> inputs);

// A row a name of what `vega-eval score` wrote. input: NAME=PATH or PATH, a score file or a folder
// of them; without NAME the name of the folder that holds the file. Files of one name make one row.
// Throws InputError: cannot be read, a task twice under one matcher.
std::vector<TableRow> score_rows(std::span<const std::string> inputs);

// The number of a row in a column, with notes on why it is not ranked: another matcher, a part of
// the questions. Nothing where the row has none.
std::optional<Cell> cell_of(const TableRow& row, const Column& column);

// Merges rows of equal name and origin whose cells are of different columns: the first one's names
// at the place of the last one.
std::vector<TableRow> merged(std::vector<TableRow> rows);

}  // namespace vega::score
