// The one table of this house: rows of text under titles, written for terminals, Markdown, CSV and
// JSON.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vega {

enum class Align { kLeft, kRight };
enum class TableFormat { kText, kMarkdown, kCsv, kJson };

struct TableColumn {
  std::string title;
  Align align = Align::kLeft;
};

// Columns needed on a terminal: one a UTF-8 character, none for combining marks, two for wide East
// Asian characters and emoji. Invalid bytes count one each.
int display_width(std::string_view text);

//   Table t({{"scene"}, {"frames", Align::kRight}});
//   t.add_row({"kitchen", "32"});
//   std::cout << t.text();
class Table {
 public:
  explicit Table(std::vector<TableColumn> columns) : columns_(std::move(columns)) {}

  // Throws InputError when the number of cells is not that of the columns.
  void add_row(std::vector<std::string> cells);

  // A line between the rows before and after; on terminals only.
  void add_rule() { rows_.emplace_back(); }

  // How a cell is set off, on terminals and in Markdown: the best of its column has a star behind
  // it (Markdown: bold); a footnote stands below the table, equal texts once. Row and column count
  // from 0, rules are rows.
  void mark_best(std::size_t row, std::size_t column);
  void add_footnote(std::size_t row, std::size_t column, const std::string& text);

  const std::vector<TableColumn>& columns() const { return columns_; }
  const std::vector<std::vector<std::string>>& rows() const { return rows_; }  // a rule: no cell
  bool empty() const;

  // The columns whose titles are among `titles`, in the order of this table, without marks.
  Table with_columns(std::span<const std::string> titles) const;

  // kText      columns two spaces apart, a rule below the titles, no spaces at line ends
  // kMarkdown  GitHub's; pipes are escaped
  // kCsv       RFC 4180 with LF
  // kJson      a list of objects by title: cells that are whole JSON numbers as such, "-" as null
  // Line breaks and tabs within cells become spaces in the first two.
  std::string write(TableFormat format) const;
  std::string text() const;

 private:
  struct Mark {
    bool best = false;
    std::vector<std::size_t> footnotes;
  };
  std::vector<std::string> titles() const;
  std::vector<std::string> shown_cells(std::size_t row, bool markdown) const;
  std::string markdown() const;
  std::string csv() const;
  std::string json() const;
  std::string footnotes(std::string_view line_end) const;

  std::vector<TableColumn> columns_;
  std::vector<std::vector<std::string>> rows_;                 // a rule: no cell
  std::map<std::pair<std::size_t, std::size_t>, Mark> marks_;  // by row and column
  std::vector<std::string> footnotes_;
};

}  // namespace vega
