// Curves of ablations, and points of a correlation.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

#include "base/error.h"
#include "base/json.h"
#include "base/printable.h"
#include "base/text.h"
#include "score/lines.h"
#include "score/plot_data.h"
#include "score/plot_inputs.h"
#include "score/published.h"

namespace vega::score {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kAblationColumn = "scanrefer:Acc@0.5";

// "SERIES:X" or "X" of a row's name.
std::pair<std::string, std::string> series_and_x(const std::string& name) {
  const std::size_t colon = name.rfind(':');
  if (colon == name.npos) return {"scored", name};
  return {name.substr(0, colon), name.substr(colon + 1)};
}

std::vector<CurvePoint> points_of(const PlotOptions& options, const Column& column,
                                  Incomplete& incomplete) {
  std::vector<CurvePoint> out;
  const auto add = [&](const std::vector<CurvePoint>& points, const std::string& suffix) {
    for (CurvePoint point : points) {
      if (!point.column.empty() && parse_column("column", point.column).id() != column.id())
        continue;
      point.series += suffix;
      out.push_back(std::move(point));
    }
  };
  if (options.published && options.vary != Vary::kFusion) {
    std::vector<CurvePoint> known = csv_points(published_file("ablation.csv"), "ablation.csv");
    const std::string_view name = options.vary == Vary::kLayer ? "layer" : "noise ratio";
    std::erase_if(known, [&](const CurvePoint& p) { return p.series != name && !p.x.empty(); });
    for (CurvePoint& point : known)
      if (!point.x.empty()) point.series = "VEGA-3D";
    add(known, " (published)");
  }
  std::vector<std::string> scored;
  for (const std::string& input : options.inputs) {
    if (is_csv(input))
      add(csv_points(csv_text(input), input), "");
    else
      scored.push_back(input);
  }
  for (const TableRow& row : score_rows(scored)) {
    const auto cell = warned_cell(row, column, incomplete);
    if (!cell)
      throw InputError(explain(row.name, "no number for " + column.text(),
                               "a score file of this metric", "name another one with --columns"));
    const auto [series, x] = series_and_x(row.name);
    out.push_back({series, x, "", cell->value, cell->low, cell->high});
  }
  if (out.empty())
    throw InputError(explain("plot ablation", "no point for " + column.text(), "one at least",
                             "give score files X=PATH or CSV files of points"));
  return out;
}

// What lies on the x axis of a correlation: the metric of a vega.correspondence/1 file, in percent
// but for areas and metres. Nothing where the file is another one.
std::optional<double> correspondence_of(const std::string& path, const std::string& metric) {
  if (fs::is_directory(path) || !lower(path).ends_with(".json")) return std::nullopt;
  const Json json = read_json(path, "a file of vega-eval correspondence or score",
                              {.bytes = std::size_t{256} << 20, .values = 50'000'000});
  if (json["schema"].text_or("") != "vega.correspondence/1") return std::nullopt;
  const auto value = json["metrics"][metric]["mean"].number();
  if (!value)
    throw InputError(explain(path + ": metrics", "no '" + metric + "'", "a metric of the file",
                             "name one with --metric"));
  const bool as_is = metric.starts_with("auc") || metric.find("distance") != metric.npos;
  return as_is ? *value : 100 * *value;
}

void add_csv_points(const std::string& path, Correlation& out) {
  const auto records = records_of(csv_text(path), path);
  if (records[0].fields.size() != 3)
    throw FormatError(explain(line_place(path, records[0].line),
                              plural(records[0].fields.size(), "column"), "three: name, x, y"));
  if (out.plot.x_label.empty()) out.plot.x_label = records[0].fields[1];
  if (out.plot.y_label.empty()) out.plot.y_label = records[0].fields[2];
  for (std::size_t r = 1; r < records.size(); ++r) {
    const auto& fields = records[r].fields;
    const std::string place = line_place(path, records[r].line);
    out.plot.series[0].points.push_back({number_of(fields[1], place + ": x"),
                                         number_of(fields[2], place + ": y"), kNoNumber, kNoNumber,
                                         fields[0]});
  }
}

// Points of names that have a correspondence file and score files.
void add_file_points(const PlotOptions& options, const std::vector<std::string>& inputs,
                     Correlation& out) {
  std::vector<std::pair<std::string, double>> x;
  std::vector<std::string> scored;
  for (const std::string& input : inputs) {
    const std::size_t equals = input.find('=');
    if (equals == input.npos)
      throw UsageError(explain("plot correlation", "'" + input + "'", "NAME=FILE or a CSV file"));
    const std::string path = input.substr(equals + 1);
    if (const auto value = correspondence_of(path, options.metric))
      x.emplace_back(input.substr(0, equals), *value);
    else
      scored.push_back(input);
  }
  const std::vector<TableRow> rows = score_rows(scored);
  std::vector<Column> columns;
  for (const Column& column : parse_columns("--columns", or_else(options.columns, kAllColumns)))
    if (std::all_of(rows.begin(), rows.end(),
                    [&](const TableRow& row) { return cell_of(row, column).has_value(); }))
      columns.push_back(column);
  if (columns.empty() || rows.empty())
    throw InputError(explain("plot correlation", "no metric that all score files have",
                             "one at least", "name it with --columns"));
  Incomplete incomplete;
  for (const auto& [name, value] : x) {
    const auto row = std::find_if(rows.begin(), rows.end(),
                                  [&, &name = name](const TableRow& r) { return r.name == name; });
    if (row == rows.end())
      throw InputError(explain("plot correlation: " + name, "a correspondence file alone",
                               "a score file too: " + name + "=scores.json"));
    double sum = 0;
    for (const Column& column : columns) sum += warned_cell(*row, column, incomplete)->value;
    out.plot.series[0].points.push_back(
        {value, sum / static_cast<double>(columns.size()), kNoNumber, kNoNumber, name});
  }
  for (const TableRow& row : rows)
    if (std::none_of(x.begin(), x.end(), [&](const auto& one) { return one.first == row.name; }))
      throw InputError(explain("plot correlation: " + row.name, "score files alone",
                               "a file of vega-eval correspondence too"));
  out.plot.note = incomplete.with("");
  if (out.plot.x_label.empty()) out.plot.x_label = "correspondence: " + options.metric;
  if (out.plot.y_label.empty())
    out.plot.y_label = columns.size() == 1 ? column_title(columns[0]) + " (%)"
                                           : fmt::format("mean of {} metrics (%)", columns.size());
}

}  // namespace

std::vector<CurvePoint> csv_points(std::string_view text, const std::string& file) {
  const auto records = records_of(text, file);
  std::map<std::string, std::size_t> at;
  for (std::size_t k = 0; k < records[0].fields.size(); ++k) at[records[0].fields[k]] = k;
  for (const char* name : {"series", "x", "value"})
    if (!at.contains(name))
      throw FormatError(explain(line_place(file, records[0].line),
                                "no column '" + std::string(name) + "'",
                                "series,x,value and as wanted column,low,high"));
  std::vector<CurvePoint> out;
  for (std::size_t r = 1; r < records.size(); ++r) {
    const std::string place = line_place(file, records[r].line);
    const auto field = [&](const std::string& name) {
      const auto found = at.find(name);
      return found == at.end() ? std::string() : records[r].fields[found->second];
    };
    const auto optional_number = [&](const std::string& name) {
      return field(name).empty() ? kNoNumber : number_of(field(name), place + ": " + name);
    };
    out.push_back({field("series"), field("x"), field("column"),
                   number_of(field("value"), place + ": value"), optional_number("low"),
                   optional_number("high")});
    if (out.back().low > out.back().value || out.back().high < out.back().value)
      throw FormatError(
          explain(place, "an interval that does not hold the value", "low <= value <= high"));
  }
  return out;
}

Curves ablation_curves(const PlotOptions& options) {
  const Column column =
      parse_columns("--columns", or_else(options.columns, kAblationColumn)).front();
  const bool names = options.vary == Vary::kFusion;
  Curves out{.title = options.title,
             .x_label = or_else(options.x_label, options.vary == Vary::kTimestep ? "noise ratio"
                                                 : names                         ? ""
                                                                                 : "layer"),
             .y_label = or_else(options.y_label, column_title(column) + " (%)")};
  std::vector<CurvePoint> references;
  double least = 1e300, most = -1e300;
  Incomplete incomplete;
  for (const CurvePoint& point : points_of(options, column, incomplete)) {
    if (point.x.empty()) {
      references.push_back(point);
      continue;
    }
    double x = 0;
    if (names) {
      auto place = std::find(out.categories.begin(), out.categories.end(), point.x);
      if (place == out.categories.end()) place = out.categories.insert(place, point.x);
      x = static_cast<double>(place - out.categories.begin());
    } else {
      const auto value = parse_double(point.x);
      if (!value || !std::isfinite(*value))
        throw UsageError(explain(point.series + ": x", "'" + printable(point.x) + "'",
                                 "a number, as in 0.3=PATH or ours:0.3=PATH",
                                 "--vary fusion takes names"));
      x = *value;
    }
    least = std::min(least, x), most = std::max(most, x);
    auto series = std::find_if(out.series.begin(), out.series.end(),
                               [&](const PlotSeries& s) { return s.name == point.series; });
    if (series == out.series.end()) series = out.series.insert(series, {point.series, {}, !names});
    series->points.push_back({x, point.value, point.low, point.high, ""});
  }
  for (PlotSeries& series : out.series)
    std::stable_sort(series.points.begin(), series.points.end(),
                     [](const PlotPoint& a, const PlotPoint& b) { return a.x < b.x; });
  out.note = incomplete.with("");
  for (const CurvePoint& point : references) {
    if (least > most) break;
    PlotSeries line{.name = point.series, .markers = false};
    for (const double x : {least, most})
      line.points.push_back({x, point.value, kNoNumber, kNoNumber, ""});
    out.series.push_back(std::move(line));
  }
  return out;
}

Correlation score_correlation(const PlotOptions& options) {
  Correlation out;
  out.plot.title = options.title;
  out.plot.x_label = options.x_label;
  out.plot.y_label = options.y_label;
  out.plot.series = {{"", {}, false}};
  std::vector<std::string> files;
  for (const std::string& input : options.inputs) {
    if (is_csv(input))
      add_csv_points(input, out);
    else
      files.push_back(input);
  }
  if (!files.empty()) add_file_points(options, files, out);
  for (const PlotPoint& point : out.plot.series[0].points)
    out.x.push_back(point.x), out.y.push_back(point.y);
  if (out.x.empty())
    throw UsageError(explain("plot correlation", "no point", "NAME=FILE pairs or CSV files"));
  return out;
}

}  // namespace vega::score
