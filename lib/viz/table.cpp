#include "viz/table.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "text/unicode.h"

namespace vega {
namespace {

using Range = std::pair<std::uint32_t, std::uint32_t>;

constexpr std::array<Range, 5> kCombining = {
    {{0x0300, 0x036F}, {0x1AB0, 0x1AFF}, {0x200B, 0x200F}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}}};

constexpr std::array<Range, 8> kWide = {{{0x1100, 0x115F},
                                         {0x2E80, 0xA4CF},
                                         {0xAC00, 0xD7A3},
                                         {0xF900, 0xFAFF},
                                         {0xFE30, 0xFE6F},
                                         {0xFF00, 0xFF60},
                                         {0x1F300, 0x1FAFF},
                                         {0x20000, 0x3FFFD}}};

template <std::size_t N>
bool contains(const std::array<Range, N>& ranges, std::uint32_t c) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [c](const Range& r) { return c >= r.first && c <= r.second; });
}

std::string padded(const std::string& cell, int width, Align align) {
  const std::string space(std::size_t(std::max(0, width - display_width(cell))), ' ');
  return align == Align::kRight ? space + cell : cell + space;
}

// Line breaks and tabs become spaces.
std::string one_line(std::string_view cell) {
  std::string out;
  for (const char c : cell) out += c == '\n' || c == '\r' || c == '\t' ? ' ' : c;
  return out;
}

bool is_word(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         static_cast<unsigned char>(c) >= 0x80;
}

std::string csv_line(const std::vector<std::string>& cells) {
  std::string out;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) out += ',';
    if (cells[i].find_first_of(",\"\n\r") == std::string::npos) {
      out += cells[i];
      continue;
    }
    out += '"';
    for (const char c : cells[i]) out += c == '"' ? std::string("\"\"") : std::string(1, c);
    out += '"';
  }
  return cells.empty() ? out : out + '\n';
}

// A cell as a JSON number where it is one and nothing else.
Json json_value(const std::string& cell) {
  if (cell == "-") return {};
  const auto value = parse_json(cell);
  return value && value->number() ? *value : Json(cell);
}

}  // namespace

int display_width(std::string_view text) {
  int width = 0;
  for (const char32_t c : text::decode_utf8(text))
    width += contains(kCombining, c) ? 0 : contains(kWide, c) ? 2 : 1;
  return width;
}

std::string markdown_text(std::string_view text) {
  const std::string line = one_line(text);
  std::string out;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    // An underscore within a word is no emphasis.
    const bool within =
        i > 0 && i + 1 < line.size() && is_word(line[i - 1]) && is_word(line[i + 1]);
    if (c == '_' ? !within : std::string_view("\\`*[]<>|~$&#").find(c) != std::string_view::npos)
      out += '\\';
    out += c;
  }
  return out;
}

void Table::add_row(std::vector<std::string> cells) {
  if (cells.size() != columns_.size() || cells.empty()) {
    throw InputError(explain("table row", std::to_string(cells.size()) + " cells",
                             std::to_string(columns_.size())));
  }
  rows_.push_back(std::move(cells));
}

void Table::add_section(const std::string& title) {
  sections_[rows_.size()] = title;
  rows_.emplace_back();
}

void Table::mark_best(std::size_t row, std::size_t column) {
  marks_[{row, column}].rank = Rank::kBest;
}

void Table::mark_second(std::size_t row, std::size_t column) {
  marks_[{row, column}].rank = Rank::kSecond;
}

void Table::add_footnote(std::size_t row, std::size_t column, const std::string& text) {
  const auto known = std::find(footnotes_.begin(), footnotes_.end(), text);
  marks_[{row, column}].footnotes.push_back(static_cast<std::size_t>(known - footnotes_.begin()) +
                                            1);
  if (known == footnotes_.end()) footnotes_.push_back(text);
}

bool Table::empty() const {
  return std::all_of(rows_.begin(), rows_.end(), [](const auto& row) { return row.empty(); });
}

Table Table::with_columns(std::span<const std::string> titles) const {
  Table out({});
  out.rows_.resize(rows_.size());
  out.sections_ = sections_;
  for (std::size_t k = 0; k < columns_.size(); ++k) {
    if (std::find(titles.begin(), titles.end(), columns_[k].title) == titles.end()) continue;
    out.columns_.push_back(columns_[k]);
    for (std::size_t r = 0; r < rows_.size(); ++r)
      if (!rows_[r].empty()) out.rows_[r].push_back(rows_[r][k]);
  }
  return out;
}

std::string Table::write(TableFormat format) const {
  switch (format) {
    case TableFormat::kMarkdown: return markdown();
    case TableFormat::kLatex: return latex();
    case TableFormat::kCsv: return csv();
    case TableFormat::kJson: return json();
    default: return text();
  }
}

std::vector<std::string> Table::full_titles() const {
  std::vector<std::string> out;
  for (const TableColumn& column : columns_)
    out.push_back(column.heading.empty() ? column.title : column.heading + " " + column.title);
  return out;
}

std::size_t Table::heading_end(std::size_t column) const {
  const std::string& heading = columns_[column].heading;
  std::size_t end = column + 1;
  while (end < columns_.size() && !heading.empty() && columns_[end].heading == heading) ++end;
  return end;
}

std::vector<std::string> Table::shown_cells(std::size_t row, TableFormat format) const {
  std::vector<std::string> out;
  for (std::size_t k = 0; k < rows_[row].size(); ++k) {
    const bool markdown = format == TableFormat::kMarkdown, latex = format == TableFormat::kLatex;
    std::string cell = markdown ? markdown_text(rows_[row][k])
                       : latex  ? latex_text(rows_[row][k])
                                : one_line(rows_[row][k]);
    if (const auto found = marks_.find({row, k}); found != marks_.end()) {
      const Mark& mark = found->second;
      if (mark.rank == Rank::kBest)
        cell = markdown ? "**" + cell + "**" : latex ? "\\textbf{" + cell + "}" : cell + "*";
      if (mark.rank == Rank::kSecond)
        cell = markdown ? "*" + cell + "*" : latex ? "\\underline{" + cell + "}" : cell + "^";
      for (const std::size_t number : mark.footnotes) {
        const std::string digits = std::to_string(number);
        cell += latex ? "\\textsuperscript{" + digits + "}" : " [" + digits + "]";
      }
    }
    out.push_back(std::move(cell));
  }
  return out;
}

std::string Table::below(TableFormat format) const {
  const bool markdown = format == TableFormat::kMarkdown, latex = format == TableFormat::kLatex;
  const auto shown = [&](const std::string& text) {
    return markdown ? markdown_text(text) : latex ? latex_text(text) : text;
  };
  const std::string end = markdown ? "  \n" : latex ? "\\par\n" : "\n";
  std::string out;
  for (std::size_t i = 0; i < footnotes_.size(); ++i) {
    const std::string number = std::to_string(i + 1);
    out += latex ? "\\textsuperscript{" + number + "} " : "[" + number + "] ";
    out += shown(footnotes_[i]) + end;
  }
  for (const std::string& note : notes_) out += shown(note) + end;
  return out;
}

std::string Table::text() const {
  std::vector<std::vector<std::string>> lines(1);
  for (const TableColumn& column : columns_) lines[0].push_back(one_line(column.title));
  for (std::size_t r = 0; r < rows_.size(); ++r)
    lines.push_back(shown_cells(r, TableFormat::kText));
  std::vector<int> width(columns_.size(), 0);
  for (const auto& line : lines)
    for (std::size_t k = 0; k < line.size(); ++k)
      width[k] = std::max(width[k], display_width(line[k]));

  std::string headings;
  for (std::size_t k = 0, end = 0; k < columns_.size(); k = end) {
    int span = -2;
    end = heading_end(k);
    for (std::size_t i = k; i < end; ++i) span += width[i] + 2;
    const std::string heading = one_line(columns_[k].heading);
    const int missing = display_width(heading) - span;
    if (missing > 0) width[end - 1] += missing;
    headings += (k > 0 ? "  " : "") + padded(heading, std::max(span, span + missing), Align::kLeft);
  }
  headings.erase(headings.find_last_not_of(' ') + 1);

  std::string rule;
  for (const int w : width) {
    if (!rule.empty()) rule += "  ";
    for (int k = 0; k < w; ++k) rule += "\u2500";
  }
  rule += '\n';

  std::string out = headings.empty() ? "" : headings + "\n";
  for (std::size_t r = 0; r < lines.size(); ++r) {
    std::string line;
    for (std::size_t k = 0; k < lines[r].size(); ++k) {
      if (k > 0) line += "  ";
      line += padded(lines[r][k], width[k], columns_[k].align);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    const auto section = r == 0 ? sections_.end() : sections_.find(r - 1);
    if (section != sections_.end())
      out += (r > 1 ? rule : "") + one_line(section->second) + '\n';
    else
      out += lines[r].empty() ? rule : line + '\n';
    if (r == 0) out += rule;
  }
  return out + below(TableFormat::kText);
}

std::string Table::markdown() const {
  std::string head = "|", rule = "|", out;
  for (const std::string& title : full_titles()) head += " " + markdown_text(title) + " |";
  for (const TableColumn& column : columns_)
    rule += column.align == Align::kRight ? " --: |" : " --- |";
  out = head + "\n" + rule + "\n";
  for (std::size_t r = 0; r < rows_.size(); ++r) {
    if (const auto section = sections_.find(r); section != sections_.end()) {
      out += "| **" + markdown_text(section->second) + "** |";
      for (std::size_t k = 1; k < columns_.size(); ++k) out += " |";
      out += '\n';
    }
    if (rows_[r].empty()) continue;
    out += '|';
    for (const std::string& cell : shown_cells(r, TableFormat::kMarkdown)) out += " " + cell + " |";
    out += '\n';
  }
  const std::string notes = below(TableFormat::kMarkdown);
  return notes.empty() ? out : out + "\n" + notes;
}

std::string Table::csv() const {
  std::string out = csv_line(full_titles());
  for (const auto& row : rows_) out += csv_line(row);
  return out;
}

std::string Table::json() const {
  const std::vector<std::string> titles = full_titles();
  Json out = Json::list();
  for (const auto& row : rows_) {
    Json object = Json::object();
    for (std::size_t k = 0; k < row.size(); ++k) object.set(titles[k], json_value(row[k]));
    if (!row.empty()) out.push(std::move(object));
  }
  return out.dump(2) + "\n";
}

}  // namespace vega
