#include "score/plot_inputs.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/log.h"
#include "base/printable.h"
#include "base/text.h"
#include "score/lines.h"

namespace vega::score {

std::vector<text::CsvRecord> records_of(std::string_view text, const std::string& file) {
  std::vector<text::CsvRecord> out = text::read_csv(text, file);
  for (text::CsvRecord& record : out) {
    for (std::string& field : record.fields) field = std::string(trim(field));
    if (record.fields.size() != out[0].fields.size())
      throw FormatError(explain(line_place(file, record.line),
                                plural(record.fields.size(), "field"),
                                std::to_string(out[0].fields.size()) + " as in the line of names",
                                "put texts that hold commas in quotes"));
  }
  if (out.size() < 2)
    throw FormatError(
        explain(file, "no line of numbers", "a line of names, then lines of numbers"));
  return out;
}

double number_of(const std::string& text, const std::string& place) {
  const auto value = parse_double(text);
  if (!value || !std::isfinite(*value))
    throw FormatError(explain(place, "'" + printable(text) + "'", "a number with a decimal point"));
  return *value;
}

std::string column_title(const Column& column) {
  return column.heading.empty() ? column.title : column.heading + " " + column.title;
}

std::string or_else(const std::string& text, std::string_view other) {
  return text.empty() ? std::string(other) : text;
}

void Incomplete::add(const std::string& name, const Cell& cell) {
  if (cell.of == 0 || !seen_.insert(name).second) return;
  text_ += (text_.empty() ? "incomplete: " : ", ") + fmt::format("{} {}/{}", name, cell.n, cell.of);
}

std::string Incomplete::with(const std::string& note) const {
  return note.empty() ? text_ : text_.empty() ? note : note + "; " + text_;
}

std::optional<Cell> warned_cell(const TableRow& row, const Column& column, Incomplete& incomplete) {
  std::optional<Cell> cell = cell_of(row, column);
  if (cell) incomplete.add(row.name, *cell);
  if (cell && !cell->ranked)
    for (const std::string& note : cell->notes)
      log_warn("{}: {}: {}", row.name, column.text(), note);
  return cell;
}

}  // namespace vega::score
