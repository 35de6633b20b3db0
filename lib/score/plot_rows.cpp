// Bars, changes and radar charts: rows of systems over metrics.
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "score/plot_data.h"
#include "score/plot_inputs.h"
#include "score/published.h"

namespace vega::score {
namespace {

// Published rows that were asked for, rows of CSV files, rows of score files.
std::vector<TableRow> rows_of(const PlotOptions& options) {
  std::vector<TableRow> out;
  const std::vector<TableRow> published = published_rows();
  for (const std::string& part :
       options.rows.empty() ? std::vector<std::string>() : comma_parts(options.rows)) {
    const std::string name(trim(part));
    const std::size_t before = out.size();
    for (const TableRow& row : published)
      if (row.name == name) out.push_back(row);
    if (out.size() == before)
      throw UsageError(explain("--rows", "'" + name + "'", "the name of a published row",
                               "vega-eval table lists them"));
  }
  for (TableRow& row : input_rows(options.inputs)) out.push_back(std::move(row));
  return out;
}

// Rows over the columns in which one of them has a number.
struct RowGrid {
  std::vector<Column> columns;
  std::vector<PlotSeries> series;
  std::vector<std::string> names;  // of the columns
  Incomplete incomplete;
};

RowGrid grid_of(const PlotOptions& options) {
  const std::vector<TableRow> rows = rows_of(options);
  if (rows.empty())
    throw UsageError(explain("plot", "nothing to draw", "score files, CSV files or --rows",
                             "vega-eval plot --help has examples"));
  RowGrid out;
  for (const TableRow& row : rows) out.series.push_back({row.name, {}, true});
  const std::string wanted = options.columns.empty() ? std::string(kAllColumns) : options.columns;
  for (const Column& column : parse_columns("--columns", wanted)) {
    std::vector<std::optional<Cell>> cells;
    for (const TableRow& row : rows) cells.push_back(warned_cell(row, column, out.incomplete));
    if (std::none_of(cells.begin(), cells.end(),
                     [](const auto& cell) { return cell.has_value(); })) {
      if (!options.columns.empty()) log_warn("no row has a number for {}: left out", column.text());
      continue;
    }
    out.columns.push_back(column);
    out.names.push_back(column_title(column));
    for (std::size_t r = 0; r < rows.size(); ++r) {
      const Cell none, &cell = cells[r] ? *cells[r] : none;
      out.series[r].points.push_back({0, cell.value, cell.low, cell.high, ""});
    }
  }
  std::erase_if(out.series, [](const PlotSeries& row) {
    const bool nothing = std::none_of(row.points.begin(), row.points.end(),
                                      [](const PlotPoint& p) { return std::isfinite(p.y); });
    if (nothing) log_warn("row '{}' has no number in these columns: left out", row.name);
    return nothing;
  });
  if (out.columns.empty())
    throw InputError(explain("plot", "no row with a number for " + wanted, "one at least",
                             "name other --columns"));
  return out;
}

Bars published_delta() {
  const auto records = records_of(published_file("delta.csv"), "delta.csv");
  Bars out;
  for (std::size_t k = 1; k < records[0].fields.size(); ++k)
    out.categories.push_back(column_title(parse_column("delta.csv", records[0].fields[k])));
  for (std::size_t r = 1; r < records.size(); ++r) {
    PlotSeries row{records[r].fields[0], {}, true};
    for (std::size_t k = 1; k < records[r].fields.size(); ++k)
      row.points.push_back(
          {0, number_of(records[r].fields[k], "delta.csv"), kNoNumber, kNoNumber, ""});
    out.series.push_back(std::move(row));
  }
  return out;
}

}  // namespace

Bars score_bars(const PlotOptions& options) {
  RowGrid grid = grid_of(options);
  return {.title = options.title,
          .y_label = or_else(options.y_label, "score (%)"),
          .categories = std::move(grid.names),
          .series = std::move(grid.series),
          .note = grid.incomplete.with("")};
}

Radar score_radar(const PlotOptions& options) {
  RowGrid grid = grid_of(options);
  return {.title = options.title,
          .axes = std::move(grid.names),
          .series = std::move(grid.series),
          .note = grid.incomplete.with("")};
}

Bars delta_bars(const PlotOptions& options) {
  Bars out;
  if (options.inputs.empty() && options.rows.empty()) {
    if (options.points)
      throw UsageError(
          explain("--unit points", "no input", "rows: the paper states percent alone"));
    out = published_delta();
  } else {
    RowGrid grid = grid_of(options);
    const auto base =
        std::find_if(grid.series.begin(), grid.series.end(), [&](const PlotSeries& s) {
          return options.baseline.empty() || s.name == options.baseline;
        });
    if (base == grid.series.end())
      throw UsageError(explain("--baseline", "'" + options.baseline + "'", "the name of a row"));
    if (grid.series.size() < 2)
      throw UsageError(explain("plot delta", "one row", "a baseline and rows to compare with it"));
    const PlotSeries baseline = *base;
    grid.series.erase(base);
    for (PlotSeries& series : grid.series) {
      for (std::size_t k = 0; k < series.points.size(); ++k) {
        const double from = baseline.points[k].y, to = series.points[k].y;
        const double change = options.points ? to - from
                              : from > 0     ? 100 * (to / from - 1)
                                             : kNoNumber;
        series.points[k] = {0, change, kNoNumber, kNoNumber, ""};
      }
    }
    out.categories = std::move(grid.names);
    out.series = std::move(grid.series);
    out.note = grid.incomplete.with("against " + baseline.name);
  }
  out.title = options.title;
  out.y_label = or_else(options.y_label, options.points ? "change (points)" : "change (%)");
  out.changes = true;
  return out;
}

}  // namespace vega::score
