#include "score/table_rows.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "base/printable.h"
#include "base/text.h"
#include "score/lines.h"
#include "score/published.h"
#include "text/csv.h"

namespace vega::score {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kNotRanked = "; not ranked";

// A field of a CSV line by the name of its column.
struct CsvColumns {
  std::vector<std::string> names;
  std::vector<std::optional<Column>> columns;  // nothing: a member of the row itself
};

constexpr std::string_view kMembers[] = {"name",         "group",  "reference",
                                         "extra_data",   "ranked", "unit",
                                         "average_rank", "origin", "notes"};

CsvColumns csv_columns(const text::CsvRecord& head, const std::string& file) {
  const std::string place = line_place(file, head.line);
  if (std::none_of(head.fields.begin(), head.fields.end(),
                   [](const std::string& field) { return trim(field) == "name"; }))
    throw FormatError(explain(place, "no column 'name' but '" + printable(head.fields[0], 80) + "'",
                              "a line of names with commas between, such as name,scanqa:CIDEr",
                              "export the table with commas"));
  CsvColumns out;
  for (const std::string& field : head.fields) {
    const std::string name(trim(field));
    if (std::find(out.names.begin(), out.names.end(), name) != out.names.end())
      throw FormatError(
          explain(place, "column '" + printable(name) + "' twice", "each column once"));
    out.names.push_back(name);
    if (std::find(std::begin(kMembers), std::end(kMembers), name) != std::end(kMembers)) {
      out.columns.emplace_back();
      continue;
    }
    try {
      out.columns.push_back(parse_column(place, printable(name)));
    } catch (const UsageError& error) {
      throw FormatError(error.what());
    }
  }
  return out;
}

bool yes_or_no(const std::string& text, bool standard, const std::string& place) {
  const std::string word = lower(text);
  if (word.empty()) return standard;
  if (word == "yes" || word == "true" || word == "1") return true;
  if (word == "no" || word == "false" || word == "0") return false;
  throw FormatError(explain(place, "'" + printable(text) + "'", "yes or no"));
}

// The n/N behind a number, which is taken off.
void read_stamp(std::string& text, Cell& cell, const std::string& place) {
  const std::size_t open = text.find('(');
  if (open == text.npos) return;
  const std::size_t slash = text.find('/', open);
  if (slash != text.npos && text.ends_with(')')) {
    const auto n = parse_whole(text.substr(open + 1, slash - open - 1));
    const auto of = parse_whole(text.substr(slash + 1, text.size() - slash - 2));
    if (n && of && *n > 0 && *n < *of) {
      cell.n = *n;
      cell.of = *of;
      cell.notes.push_back(fmt::format("{} of {} questions{}", *n, *of, kNotRanked));
      cell.ranked = false;
      text = trim(text.substr(0, open));
      return;
    }
  }
  throw FormatError(explain(place, "'" + printable(text) + "'", "a number, or a number (n/N)"));
}

Cell csv_cell(std::string text, const Column& column, bool fraction, const std::string& place) {
  Cell cell;
  read_stamp(text, cell, place);
  if (!fraction && text.ends_with('%'))
    text = trim(std::string_view(text).substr(0, text.size() - 1));
  const auto value = parse_double(text);
  if (!value || !std::isfinite(*value))
    throw FormatError(
        explain(place, "'" + printable(text) + "'", "a number with a decimal point, or nothing"));
  const std::size_t point = text.find('.');
  const double digits = point == text.npos ? 0 : double(text.size() - point - 1);
  const double factor = fraction ? 100 : 1;
  cell.value = factor * *value;
  cell.rounding = factor * 0.5 * std::pow(10, -digits);
  if (cell.value < 0 || cell.value > column.most())
    throw FormatError(
        explain(place, text,
                fmt::format("0 to {:g}{}", column.most() / factor, fraction ? "" : " percent")));
  return cell;
}

TableRow csv_row(const text::CsvRecord& record, const CsvColumns& columns, const std::string& file,
                 Origin origin) {
  const std::string place = line_place(file, record.line);
  if (record.fields.size() != columns.names.size())
    throw FormatError(explain(place, plural(record.fields.size(), "field"),
                              std::to_string(columns.names.size()),
                              "put texts that hold commas in quotes"));
  std::map<std::string, std::string> member;
  for (std::size_t k = 0; k < columns.names.size(); ++k)
    if (!columns.columns[k]) member[columns.names[k]] = trim(record.fields[k]);
  TableRow row{.name = member["name"],
               .group = member["group"],
               .reference = member["reference"],
               .extra_data = yes_or_no(member["extra_data"], false, place + ": extra_data"),
               .ranked = yes_or_no(member["ranked"], true, place + ": ranked"),
               .origin = origin,
               .file = file};
  if (row.name.empty()) throw FormatError(explain(place + ": name", "nothing", "a name"));
  const std::string unit = lower(member["unit"]);
  if (!unit.empty() && unit != "percent" && unit != "fraction")
    throw FormatError(
        explain(place + ": unit", "'" + printable(unit) + "'", "percent or fraction"));
  row.percent = !unit.empty() || origin == Origin::kPublished;
  for (std::size_t k = 0; k < columns.names.size(); ++k) {
    if (!columns.columns[k]) continue;
    const std::string text(trim(record.fields[k]));
    if (text.empty() || text == "-" || text == "\u2013" || text == "\u2014") continue;
    row.cells[columns.columns[k]->text()] = csv_cell(text, *columns.columns[k], unit == "fraction",
                                                     place + ": " + printable(columns.names[k]));
  }
  return row;
}

// The value of a metric in one score file. METEOR is 1.5 in a column of that name; the one with
// WordNet alone is another metric.
const ScoreValue* value_in(const Metrics& metrics, const std::string& name, bool& wordnet) {
  const std::string plain = plain_name(name);
  const ScoreValue* other = nullptr;
  for (const auto& [metric, value] : metrics) {
    const std::string here = plain_name(metric);
    if (here == plain || (plain == "meteor" && here == "meteor1.5")) return &value;
    if (plain == "meteor" && here == "meteorwordnet") other = &value;
  }
  wordnet = other != nullptr;
  return other;
}

// Names of groups are read like those of columns: "object count" is "object_counting".
bool names_column(const Scores& scores, const std::string& name, const Column& column) {
  return parse_column("score file", scores.task + ":" + name).id() == column.id();
}

const ScoreValue* value_in(const Scores& scores, const Column& column, bool& wordnet) {
  if (column.group.empty()) return value_in(scores.metrics, column.metric, wordnet);
  for (const auto& [group, metrics] : scores.breakdown) {
    const std::string metric = column.metric.empty() ? "" : column.metric + "/";
    if (!names_column(scores, metric + group, column)) continue;
    if (!column.metric.empty()) return value_in(metrics, column.metric, wordnet);
    if (!metrics.empty()) return &metrics.front().second;
  }
  for (const auto& [metric, value] : scores.metrics)
    if (names_column(scores, metric, column)) return &value;
  return nullptr;
}

std::optional<Cell> scored_cell(const TableRow& row, const Column& column) {
  const std::string_view wanted =
      column.matcher.empty() ? benchmark_of(column.task).matchers.front() : column.matcher;
  const auto fits = [&](const Scores& scores) {
    return column.matcher.empty() ? is_official(column.task, scores.matcher)
                                  : plain_name(scores.matcher) == plain_name(column.matcher);
  };
  const Scores* found = nullptr;
  for (const Scores& scores : row.scores) {
    if (find_choice(task_names(), scores.task) != column.task) continue;
    if (found == nullptr || (fits(scores) && !fits(*found))) found = &scores;
  }
  if (found == nullptr) return std::nullopt;
  bool wordnet = false;
  const ScoreValue* value = value_in(*found, column, wordnet);
  if (value == nullptr || !std::isfinite(value->value)) return std::nullopt;
  Cell cell{.value = value->value, .low = value->low, .high = value->high};
  const auto note = [&](const std::string& text) {
    cell.notes.push_back(text + std::string(kNotRanked));
    cell.ranked = false;
  };
  if (!fits(*found)) cell.matcher = found->matcher;
  if (!fits(*found))
    note(fmt::format("matcher '{}', the column's is '{}'", printable(found->matcher), wanted));
  if (wordnet) note("METEOR without paraphrases (meteor-wordnet), the column's is METEOR 1.5");
  if (found->partial()) {
    cell.n = found->n;
    cell.of = found->of;
    note(fmt::format("{} of {} questions", found->n, found->of));
  }
  if (value->seeds.size() > 1) {
    const auto [least, most] = std::minmax_element(value->seeds.begin(), value->seeds.end());
    cell.notes.push_back(
        fmt::format("mean of {} runs, {:.1f} to {:.1f}", value->seeds.size(), *least, *most));
  }
  return cell;
}

// Whether a JSON file begins like a score file; annotation files beside it may be large.
bool names_schema(const fs::path& path) {
  std::string head(512, '\0');
  std::ifstream in(path, std::ios::binary);
  in.read(head.data(), static_cast<std::streamsize>(head.size()));
  return head.find("\"" + std::string(kScoresSchema) + "\"") != head.npos;
}

std::vector<fs::path> score_files(const fs::path& path) {
  if (!fs::exists(path)) throw InputError(explain(path.string(), "no such file or folder"));
  if (!fs::is_directory(path)) return {path};
  std::vector<fs::path> out;
  for (const auto& entry : fs::recursive_directory_iterator(path)) {
    if (!entry.is_regular_file() || entry.path().extension() != ".json") continue;
    if (names_schema(entry.path())) out.push_back(entry.path());
  }
  if (out.empty())
    throw InputError(
        explain(path.string(), "no score file below it", "files that vega-eval score -o wrote"));
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

std::string_view name_of(Origin origin) {
  return origin == Origin::kPublished ? "published"
         : origin == Origin::kForeign ? "foreign"
                                      : "scored";
}

std::vector<TableRow> csv_rows(std::string_view text, const std::string& file, Origin origin) {
  if (!is_utf8(text))
    throw FormatError(
        explain(file, "bytes that are not UTF-8", "UTF-8", "export the table as CSV UTF-8"));
  const std::vector<text::CsvRecord> records = text::read_csv(text, file);
  if (records.size() < 2)
    throw FormatError(explain(file, records.empty() ? "no line" : "a line of names alone",
                              "a line of names, then a line a system"));
  const CsvColumns columns = csv_columns(records.front(), file);
  std::vector<TableRow> out;
  for (std::size_t i = 1; i < records.size(); ++i)
    out.push_back(csv_row(records[i], columns, file, origin));
  return out;
}

std::vector<TableRow> published_rows() {
  std::vector<TableRow> all;
  for (const std::string name : {"scene_understanding.csv", "vsi.csv", "libero.csv"}) {
    for (TableRow& row :
         csv_rows(published_file(name), "data/published/" + name, Origin::kPublished))
      all.push_back(std::move(row));
  }
  return merged(std::move(all));
}

bool is_csv(const std::string& input) { return lower(input).ends_with(".csv"); }

std::string csv_text(const std::string& path) { return file_text(path); }

std::vector<TableRow> input_rows(std::span<const std::string> inputs) {
  std::vector<TableRow> out;
  std::vector<std::string> scored;
  for (const std::string& input : inputs) {
    if (!is_csv(input)) {
      scored.push_back(input);
      continue;
    }
    for (TableRow& row : csv_rows(csv_text(input), input, Origin::kForeign))
      out.push_back(std::move(row));
  }
  for (TableRow& row : score_rows(scored)) out.push_back(std::move(row));
  return out;
}

std::vector<TableRow> score_rows(std::span<const std::string> inputs) {
  std::vector<TableRow> out;
  for (const std::string& input : inputs) {
    std::string name;
    fs::path path = input;
    if (const std::size_t equals = input.find('='); equals != input.npos && !fs::exists(path)) {
      name = trim(input.substr(0, equals));
      path = input.substr(equals + 1);
      if (name.empty()) throw UsageError(explain(input, "no name before '='", "NAME=PATH"));
    }
    for (const fs::path& file : score_files(path)) {
      Scores scores = read_scores(file);
      if (!find_choice(task_names(), scores.task))
        throw FormatError(explain(file.string() + ": task", "'" + printable(scores.task) + "'",
                                  "one of " + listed(task_names(), ", ")));
      const std::string row_name =
          name.empty() ? fs::absolute(file).lexically_normal().parent_path().filename().string()
                       : name;
      auto row = std::find_if(out.begin(), out.end(),
                              [&](const TableRow& one) { return one.name == row_name; });
      if (row == out.end()) {
        out.push_back({.name = row_name, .origin = Origin::kScored});
        row = out.end() - 1;
      }
      for (std::size_t i = 0; i < row->scores.size(); ++i) {
        if (row->scores[i].task == scores.task && row->scores[i].matcher == scores.matcher)
          throw InputError(explain(
              file.string(), "a second score of " + scores.task + " in row '" + row_name + "'",
              "one (the other is " + row->score_files[i] + ")", "give each row a name: NAME=FILE"));
      }
      row->scores.push_back(std::move(scores));
      row->score_files.push_back(file.string());
    }
  }
  return out;
}

std::optional<Cell> cell_of(const TableRow& row, const Column& column) {
  if (row.origin == Origin::kScored) return scored_cell(row, column);
  if (const auto found = row.cells.find(column.text()); found != row.cells.end())
    return found->second;
  // The same column under another matcher.
  for (const auto& [text, cell] : row.cells) {
    const Column other = parse_column("column", text);
    if (other.id() != column.id()) continue;
    Cell out = cell;
    const auto name = [](const Column& one) {
      return one.matcher.empty() ? std::string(benchmark_of(one.task).matchers.front())
                                 : one.matcher;
    };
    out.notes.push_back(
        fmt::format("matcher '{}', the column's is '{}'{}", name(other), name(column), kNotRanked));
    out.ranked = false;
    out.matcher = name(other);
    return out;
  }
  return std::nullopt;
}

std::vector<TableRow> merged(std::vector<TableRow> rows) {
  std::vector<TableRow> out;
  for (TableRow& row : rows) {
    const auto same = std::find_if(out.begin(), out.end(), [&](const TableRow& other) {
      return other.name == row.name && other.origin == row.origin && other.file != row.file &&
             std::none_of(row.cells.begin(), row.cells.end(),
                          [&](const auto& cell) { return other.cells.contains(cell.first); });
    });
    if (same != out.end()) {
      same->cells.merge(row.cells);
      row = std::move(*same);
      out.erase(same);
    }
    out.push_back(std::move(row));
  }
  return out;
}

}  // namespace vega::score
