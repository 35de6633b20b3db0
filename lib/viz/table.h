// The one table of this house: rows of text under titles, written for terminals, Markdown, LaTeX,
// CSV and JSON.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/choice.h"

namespace vega {

enum class Align { kLeft, kRight };
enum class TableFormat { kText, kMarkdown, kLatex, kCsv, kJson };
// --format of verbs that print any table.
inline constexpr Choice<TableFormat> kTableFormats[] = {{TableFormat::kText, "text"},
                                                        {TableFormat::kMarkdown, "markdown"},
                                                        {TableFormat::kLatex, "latex"},
                                                        {TableFormat::kCsv, "csv"},
                                                        {TableFormat::kJson, "json"}};

struct TableColumn {
  std::string title;
  Align align = Align::kLeft;
  // What this column and its neighbours with the same heading have in common: it stands above their
  // titles on terminals and in LaTeX, and before each title elsewhere. May be empty.
  std::string heading = {};
};

// Columns needed on a terminal: one a UTF-8 character, none for combining marks, two for wide East
// Asian characters and emoji. A broken sequence of bytes counts one.
int display_width(std::string_view text);

// Any text as a cell of Markdown (GitHub's) or as text of LaTeX: shown as it is. Line breaks and
// tabs become spaces.
std::string markdown_text(std::string_view text);
std::string latex_text(std::string_view text);

//   Table t({{"scene"}, {"frames", Align::kRight}});
//   t.add_row({"kitchen", "32"});
//   std::cout << t.text();
class Table {
 public:
  explicit Table(std::vector<TableColumn> columns) : columns_(std::move(columns)) {}

  // Throws InputError when the number of cells is not that of the columns.
  void add_row(std::vector<std::string> cells);

  // A line between the rows before and after; on terminals and in LaTeX only.
  void add_rule() { rows_.emplace_back(); }
  // A title over the rows that follow; not in CSV and JSON.
  void add_section(const std::string& title);

  // How a cell is set off; not in CSV and JSON. Row and column count from 0, rules and sections are
  // rows.
  //   best         terminals: a star behind it; Markdown and LaTeX: bold
  //   second best  terminals: ^ behind it; Markdown: italic; LaTeX: underlined
  //   footnote     a number behind it, the text below the table, equal texts once
  void mark_best(std::size_t row, std::size_t column);
  void mark_second(std::size_t row, std::size_t column);
  void add_footnote(std::size_t row, std::size_t column, const std::string& text);
  void add_note(const std::string& text) { notes_.push_back(text); }  // below, without a number

  const std::vector<TableColumn>& columns() const { return columns_; }
  const std::vector<std::vector<std::string>>& rows() const { return rows_; }  // a rule: no cell
  bool empty() const;

  // The columns whose titles are among `titles`, in the order of this table, without marks,
  // footnotes and notes.
  Table with_columns(std::span<const std::string> titles) const;

  // kText      columns two spaces apart, a rule below the titles, no spaces at line ends
  // kMarkdown  GitHub's
  // kLatex     a tabular with the rules of the package booktabs
  // kCsv       RFC 4180 with LF
  // kJson      a list of objects by title: cells that are whole JSON numbers as such, "-" as null
  // Line breaks and tabs within cells become spaces in the first three; what Markdown or LaTeX
  // would read as a command is escaped.
  std::string write(TableFormat format) const;
  std::string text() const;

 private:
  enum class Rank { kNone, kBest, kSecond };
  struct Mark {
    Rank rank = Rank::kNone;
    std::vector<std::size_t> footnotes;
  };
  std::vector<std::string> full_titles() const;       // with their headings
  std::size_t heading_end(std::size_t column) const;  // behind the columns of one heading
  std::vector<std::string> shown_cells(std::size_t row, TableFormat format) const;
  std::string markdown() const;
  std::string latex() const;
  std::string csv() const;
  std::string json() const;
  std::string below(TableFormat format) const;  // footnotes and notes

  std::vector<TableColumn> columns_;
  std::vector<std::vector<std::string>> rows_;                 // a rule or a section: no cell
  std::map<std::size_t, std::string> sections_;                // by row
  std::map<std::pair<std::size_t, std::size_t>, Mark> marks_;  // by row and column
  std::vector<std::string> footnotes_, notes_;
};

}  // namespace vega
