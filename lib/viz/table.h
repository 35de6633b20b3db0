// Tables for terminals and for Markdown files.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vega {

enum class Align { kLeft, kRight };

struct TableColumn {
  std::string title;
  Align align = Align::kLeft;
};

// Columns needed on a terminal: one a UTF-8 character, none for combining marks, two for wide East
// Asian characters and emoji. Invalid bytes count one each.
int display_width(std::string_view text);

// Rows of text under column titles.
//   Table t({{"scene"}, {"frames", Align::kRight}});
//   t.add_row({"kitchen", "32"});
//   std::cout << t.text();
class Table {
 public:
  explicit Table(std::vector<TableColumn> columns);

  // Throws InputError when the number of cells is not that of the columns.
  void add_row(std::vector<std::string> cells);

  // A line between the rows before and after; not in Markdown.
  void add_rule();

  bool empty() const;

  // Columns two spaces apart, a rule below the titles, no spaces at line ends, a newline at the
  // end. Line breaks and tabs within cells become spaces.
  std::string text() const;

  // GitHub Markdown, columns aligned in the source too; pipes are escaped.
  std::string markdown() const;

 private:
  std::vector<std::string> cleaned(const std::vector<std::string>& cells, bool markdown) const;
  std::vector<std::vector<std::string>> lines(bool markdown) const;
  std::vector<int> widths(const std::vector<std::vector<std::string>>& lines) const;

  std::vector<TableColumn> columns_;
  std::vector<std::vector<std::string>> rows_;  // an empty row is a rule
};

}  // namespace vega
