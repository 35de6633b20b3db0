#include "viz/table.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "base/error.h"
#include "viz/utf8.h"

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

void end_line(std::string& text) {
  text.erase(text.find_last_not_of(' ') + 1);
  text += '\n';
}

}  // namespace

int display_width(std::string_view text) {
  int width = 0;
  for (std::size_t i = 0; i < text.size();) {
    const std::uint32_t c = next_character(text, i);
    width += contains(kCombining, c) ? 0 : contains(kWide, c) ? 2 : 1;
  }
  return width;
}

Table::Table(std::vector<TableColumn> columns) : columns_(std::move(columns)) {}

void Table::add_row(std::vector<std::string> cells) {
  if (cells.size() != columns_.size() || cells.empty()) {
    throw InputError(explain("table row", std::to_string(cells.size()) + " cells",
                             std::to_string(columns_.size())));
  }
  rows_.push_back(std::move(cells));
}

void Table::add_rule() { rows_.emplace_back(); }

bool Table::empty() const {
  return std::all_of(rows_.begin(), rows_.end(), [](const auto& row) { return row.empty(); });
}

std::vector<std::string> Table::cleaned(const std::vector<std::string>& cells,
                                        bool markdown) const {
  std::vector<std::string> out;
  for (const std::string& cell : cells) {
    std::string text;
    for (const char c : cell) {
      if (markdown && c == '|') text += '\\';
      text += c == '\n' || c == '\r' || c == '\t' ? ' ' : c;
    }
    out.push_back(std::move(text));
  }
  return out;
}

// First the titles, then the rows; a rule stays an empty row.
std::vector<std::vector<std::string>> Table::lines(bool markdown) const {
  std::vector<std::string> titles;
  for (const TableColumn& column : columns_) titles.push_back(column.title);
  std::vector<std::vector<std::string>> out = {cleaned(titles, markdown)};
  for (const auto& row : rows_) {
    if (!row.empty() || !markdown) out.push_back(cleaned(row, markdown));
  }
  return out;
}

std::vector<int> Table::widths(const std::vector<std::vector<std::string>>& lines) const {
  std::vector<int> out(columns_.size(), 0);
  for (const auto& line : lines) {
    for (std::size_t k = 0; k < line.size(); ++k) {
      out[k] = std::max(out[k], display_width(line[k]));
    }
  }
  return out;
}

std::string Table::text() const {
  const auto all = lines(false);
  const std::vector<int> width = widths(all);
  std::string rule;
  for (const int w : width) {
    if (!rule.empty()) rule += "  ";
    for (int k = 0; k < w; ++k) rule += "\u2500";
  }
  rule += '\n';

  std::string out;
  for (std::size_t r = 0; r < all.size(); ++r) {
    if (all[r].empty()) {
      out += rule;
      continue;
    }
    std::string line;
    for (std::size_t k = 0; k < width.size(); ++k) {
      if (k > 0) line += "  ";
      line += padded(all[r][k], width[k], columns_[k].align);
    }
    end_line(line);
    out += line;
    if (r == 0) out += rule;
  }
  return out;
}

std::string Table::markdown() const {
  const auto all = lines(true);
  std::vector<int> width = widths(all);
  for (int& w : width) w = std::max(w, 3);
  std::string out;
  for (std::size_t r = 0; r < all.size(); ++r) {
    out += '|';
    for (std::size_t k = 0; k < width.size(); ++k) {
      out += ' ' + padded(all[r][k], width[k], columns_[k].align) + " |";
    }
    out += '\n';
    if (r > 0) continue;
    out += '|';
    for (std::size_t k = 0; k < width.size(); ++k) {
      const bool right = columns_[k].align == Align::kRight;
      out +=
          ' ' + std::string(std::size_t(width[k] - (right ? 1 : 0)), '-') + (right ? ": |" : " |");
    }
    out += '\n';
  }
  return out;
}

}  // namespace vega
