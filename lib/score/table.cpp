#include "score/table.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/build_info.h"
#include "base/error.h"
#include "base/log.h"
#include "base/printable.h"
#include "base/publish.h"
#include "base/text.h"
#include "run/output_names.h"
#include "score/table_checks.h"

namespace vega::score {
namespace {

constexpr Choice<bool> kPublished[] = {
    {true, "auto", "the published rows that have a number in these columns"}, {false, "none"}};

std::string section_of(const TableRow& row) {
  if (row.origin == Origin::kScored) return "Scored by vega-eval";
  if (!row.group.empty()) return row.group;
  return row.origin == Origin::kForeign ? "Other rows" : "";
}

bool has_number(const TableRow& row, const std::vector<Column>& columns) {
  return std::any_of(columns.begin(), columns.end(),
                     [&](const Column& column) { return cell_of(row, column).has_value(); });
}

// "; it has scanqa:EM, ...".
std::string columns_there(const TableRow& row) {
  std::string out;
  const auto add = [&](const std::string& name) {
    out += (out.empty() ? "; it has " : ", ") + name;
  };
  for (const auto& [name, cell] : row.cells) add(printable(name, 60));
  for (const Scores& scores : row.scores)
    for (const auto& [name, value] : scores.metrics) add(scores.task + ":" + printable(name, 60));
  return out;
}

// Published, foreign and scored rows, in this order. All are checked against each other, then those
// that are not wanted go.
std::vector<TableRow> wanted_rows(const TableOptions& options, const std::vector<Column>& columns) {
  std::vector<TableRow> rows = published_rows();
  for (TableRow& row : input_rows(options.inputs)) rows.push_back(std::move(row));
  mark_impossible(rows);

  std::set<std::string> names;
  if (!options.rows.empty())
    for (const std::string& name : comma_parts(options.rows)) names.emplace(trim(name));
  std::set<std::string> unknown = names;
  for (const TableRow& row : rows) unknown.erase(row.name);
  if (!unknown.empty())
    throw UsageError(explain("--rows", "'" + *unknown.begin() + "'", "the name of a published row",
                             "vega-eval table lists them"));
  std::vector<TableRow> out;
  for (TableRow& row : rows) {
    const bool published = row.origin == Origin::kPublished;
    const bool wanted = options.published && (names.empty() || names.contains(row.name));
    if (published && (!wanted || !has_number(row, columns))) continue;
    if (!published && !has_number(row, columns))
      log_warn("row '{}' has no number in these columns{}", row.name, columns_there(row));
    out.push_back(std::move(row));
  }
  // Rows of one section stand together, where its last row is.
  std::map<std::string, std::size_t> last;
  for (std::size_t r = 0; r < out.size(); ++r) last[section_of(out[r])] = r;
  std::stable_sort(out.begin(), out.end(), [&](const TableRow& a, const TableRow& b) {
    return last.at(section_of(a)) < last.at(section_of(b));
  });
  return out;
}

std::string cell_text(const Results::Entry& entry, const TableOptions& options) {
  std::string out = entry.shown;
  const Cell& cell = entry.cell;
  const auto digits = static_cast<int>(options.decimals);
  if (options.intervals && std::isfinite(cell.low) && std::isfinite(cell.high))
    out += fmt::format(" [{:.{}f}, {:.{}f}]", cell.low, digits, cell.high, digits);
  if (cell.of > 0) out += fmt::format(" ({}/{})", cell.n, cell.of);
  return out;
}

bool has_ranks(const Results& results) { return results.columns.size() > 1; }

void add_notes(const Results& results, const TableOptions& options, Table& table) {
  const bool text = options.format == TableFormat::kText,
             latex = options.format == TableFormat::kLatex;
  std::string note = text    ? "* best, ^ second best of a column."
                     : latex ? "Bold: best, underlined: second best of a column."
                             : "Bold: best, italic: second best of a column.";
  if (has_ranks(results)) note += " Average rank: over the columns that a row reports.";
  table.add_note("Percent. " + note);
  std::string matchers;
  std::set<std::string> seen;
  for (const Column& column : results.columns) {
    const Benchmark& benchmark = benchmark_of(column.task);
    const std::string matcher =
        column.matcher.empty() ? std::string(benchmark.matchers.front()) : column.matcher;
    const std::string one = std::string(benchmark.title) + " " + matcher;
    if (seen.insert(one).second) matchers += (matchers.empty() ? "" : "; ") + one;
  }
  table.add_note("Matchers: " + matchers + ".");
}

std::string drawn(const Results& results, const TableOptions& options) {
  std::vector<TableColumn> columns = {{"Method"}};
  if (options.references) columns.push_back({"Reference"});
  const std::size_t first = columns.size();
  for (const Column& column : results.columns)
    columns.push_back({column.title, Align::kRight, column.heading});
  if (has_ranks(results)) columns.push_back({"Avg. rank", Align::kRight});
  Table table(columns);
  std::string section;
  for (std::size_t r = 0; r < results.rows.size(); ++r) {
    const TableRow& row = results.rows[r];
    if (const std::string now = section_of(row); now != section) {
      table.add_section(now);
      section = now;
    }
    std::vector<std::string> cells = {row.name};
    if (options.references) cells.push_back(row.reference);
    for (const auto& entry : results.cells[r])
      cells.push_back(entry ? cell_text(*entry, options) : "-");
    const std::string& rank = results.average_rank[r];
    if (has_ranks(results)) cells.push_back(rank.empty() ? "-" : rank);
    table.add_row(std::move(cells));
    const std::size_t line = table.rows().size() - 1;
    if (row.extra_data) table.add_footnote(line, 0, "trained on extra data");
    if (!row.ranked) table.add_footnote(line, 0, "not ranked");
    for (std::size_t k = 0; k < results.columns.size(); ++k) {
      const auto& entry = results.cells[r][k];
      if (!entry) continue;
      if (entry->rank == 1) table.mark_best(line, first + k);
      if (entry->second) table.mark_second(line, first + k);
      for (const std::string& note : entry->cell.notes) table.add_footnote(line, first + k, note);
    }
  }
  add_notes(results, options, table);
  return table.write(options.format);
}

std::string joined(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += (out.empty() ? "" : "; ") + text;
  return out;
}

// The columns of the CSV: those of the table, and one for each other matcher that numbers are
// under.
std::vector<Column> csv_columns(const Results& results) {
  std::vector<Column> out = results.columns;
  for (std::size_t k = 0; k < results.columns.size(); ++k) {
    std::set<std::string> matchers;
    for (const auto& line : results.cells)
      if (line[k] && !line[k]->cell.matcher.empty()) matchers.insert(line[k]->cell.matcher);
    for (const std::string& matcher : matchers) {
      Column other = results.columns[k];
      other.matcher = matcher;
      const auto same = [&](const Column& one) { return one.text() == other.text(); };
      if (std::none_of(out.begin(), out.end(), same)) out.push_back(std::move(other));
    }
  }
  return out;
}

// The cells of one row under these columns, and what there is to say about them.
std::vector<std::string> csv_cells(const Results& results, std::size_t row,
                                   const std::vector<Column>& columns,
                                   std::vector<std::string>& notes) {
  std::vector<std::string> out(columns.size());
  for (std::size_t k = 0; k < results.columns.size(); ++k) {
    const auto& entry = results.cells[row][k];
    if (!entry) continue;
    const Cell& cell = entry->cell;
    Column own = results.columns[k];
    if (!cell.matcher.empty()) own.matcher = cell.matcher;
    const auto at = std::find_if(columns.begin(), columns.end(),
                                 [&](const Column& column) { return column.text() == own.text(); });
    out[static_cast<std::size_t>(at - columns.begin())] =
        fmt::format("{}", cell.value) +
        (cell.of > 0 ? fmt::format(" ({}/{})", cell.n, cell.of) : "");
    if (!cell.notes.empty()) notes.push_back(own.text() + ": " + joined(cell.notes));
  }
  return out;
}

// Values as they are, under names that csv_rows reads.
std::string csv(const Results& results) {
  const std::vector<Column> own = csv_columns(results);
  std::vector<TableColumn> columns = {{"name"}, {"group"}, {"origin"}, {"extra_data"}, {"ranked"}};
  for (const Column& column : own) columns.push_back({column.text()});
  columns.push_back({"average_rank"});
  columns.push_back({"notes"});
  Table table(columns);
  for (std::size_t r = 0; r < results.rows.size(); ++r) {
    const TableRow& row = results.rows[r];
    std::vector<std::string> cells = {row.name, section_of(row), std::string(name_of(row.origin)),
                                      row.extra_data ? "yes" : "", row.ranked ? "" : "no"};
    std::vector<std::string> notes;
    for (std::string& cell : csv_cells(results, r, own, notes)) cells.push_back(std::move(cell));
    cells.push_back(results.average_rank[r]);
    cells.push_back(joined(notes));
    table.add_row(std::move(cells));
  }
  return table.write(TableFormat::kCsv);
}

Json json_cell(const std::optional<Results::Entry>& entry) {
  if (!entry) return {};
  const Cell& cell = entry->cell;
  Json out = Json::object();
  out.add("value", number_or_null(cell.value));
  out.add("lo", number_or_null(cell.low));
  out.add("hi", number_or_null(cell.high));
  if (cell.of > 0) {
    out.add("n", cell.n);
    out.add("of", cell.of);
  }
  if (!cell.matcher.empty()) out.add("matcher", cell.matcher);
  out.add("rank", entry->rank > 0 ? Json(entry->rank) : Json());
  out.add("best", entry->rank == 1);
  out.add("second", entry->second);
  out.add("notes", cell.notes);
  return out;
}

std::string json(const Results& results) {
  Json out = Json::object();
  out.add("schema", "vega.table/1");
  Json& columns = out.add("columns", Json::list());
  for (const Column& column : results.columns) {
    const std::string matcher(column.matcher.empty() ? benchmark_of(column.task).matchers.front()
                                                     : column.matcher);
    columns.push({{"column", column.text()},
                  {"benchmark", column.heading},
                  {"title", column.title},
                  {"matcher", matcher}});
  }
  Json& rows = out.add("rows", Json::list());
  for (std::size_t r = 0; r < results.rows.size(); ++r) {
    const TableRow& row = results.rows[r];
    Json line = Json::object();
    line.add("name", row.name);
    line.add("group", section_of(row));
    line.add("reference", row.reference);
    line.add("origin", name_of(row.origin));
    line.add("extra_data", row.extra_data);
    line.add("files",
             row.origin == Origin::kScored ? Json(row.score_files) : Json::list({Json(row.file)}));
    line.add("average_rank", results.average_rank[r].empty()
                                 ? Json()
                                 : Json(*parse_double(results.average_rank[r])));
    Json cells = Json::object();
    for (std::size_t k = 0; k < results.columns.size(); ++k)
      cells.add(results.columns[k].text(), json_cell(results.cells[r][k]));
    line.add("cells", std::move(cells));
    rows.push(std::move(line));
  }
  return out.dump(2) + "\n";
}

RunResult run_table(const TableOptions& options, const Context& context) {
  refuse_inputs_as_outputs({options.out}, {options.inputs.begin(), options.inputs.end()});
  std::vector<Column> columns = parse_columns("--columns", options.columns);
  std::vector<TableRow> rows = wanted_rows(options, columns);
  const Results results =
      rank_results(std::move(columns), std::move(rows), static_cast<int>(options.decimals));
  for (std::size_t r = 0; r < results.rows.size(); ++r) {
    if (results.rows[r].origin == Origin::kPublished) continue;
    for (std::size_t k = 0; k < results.columns.size(); ++k) {
      const auto& entry = results.cells[r][k];
      if (!entry || entry->cell.ranked) continue;
      log_warn("{}: {}: {}", results.rows[r].name, results.columns[k].text(),
               joined(entry->cell.notes));
    }
  }
  const std::string text = results_text(results, options);
  if (options.out.empty())
    context.print(text);
  else
    publish_output(options.out, text);
  return {};
}

}  // namespace

std::string results_text(const Results& results, const TableOptions& options) {
  switch (options.format) {
    case TableFormat::kCsv: return csv(results);
    case TableFormat::kJson: return json(results);
    default: return drawn(results, options);
  }
}

void TableOptions::visit(OptionVisitor& v) {
  v.inputs(inputs, "[NAME=]PATH...",
           "score files of vega-eval score, or folders of them: files of one NAME make one row "
           "(without a NAME: of one folder); a file .csv holds rows of other systems");
  v.group("Table");
  std::string sets;
  for (const ColumnSet& set : column_sets())
    sets += (sets.empty() ? "" : ", ") + std::string(set.name);
  v.text("--columns", columns, "LIST",
         "sets (" + sets +
             ") and TASK:METRIC, TASK:METRIC/GROUP, TASK:METRIC[MATCHER], separated "
             "by commas");
  v.choice("--published", published, kPublished, "");
  v.text("--rows", rows, "NAME,...", "these published rows alone");
  v.integer("--decimals", decimals, "N", {0, 6},
            "digits behind the point; ranks go by what is shown");
  v.flag("--intervals", intervals, "95 % intervals where they are known");
  v.flag("--references", references, "a column that says where a system was published");
  v.group("Output");
  v.choice("--format", format, kTableFormats, "");
  v.text("-o,--out", out, "FILE", "instead of stdout");
}

Verb table_verb() {
  return make_verb<TableOptions>(
      "table", "put scores among the published rows of a benchmark",
      "Average rank is that of Table 1 of VEGA-3D: a row's rank in a column is 1 + the number of\n"
      "strictly better rows; its mean is taken over the columns that the row reports. A number "
      "under\n"
      "another matcher than its column's, of a part of the questions, or that cannot be what it "
      "says\n"
      "is marked and not ranked.\n\n"
      "Examples:\n"
      "  vega-eval table mine=scores/ --format latex -o table1.tex\n"
      "  vega-eval table --columns vsi,scanqa:CIDEr[PTB] mine=vsi.json mine=scanqa.json "
      "theirs.csv\n\n"
      "See also: score; plot; docs/tables.md",
      run_table);
}

}  // namespace vega::score
