#include "evaluate/probe_report.h"

#include <fmt/core.h>

#include <cmath>
#include <set>

#include "base/build_info.h"
#include "base/text.h"

namespace vega::evaluate {
namespace {

constexpr const char* kMeasureTitles[kSpaceMeasureCount] = {"depth R2", "height R2", "normal, deg",
                                                            "label, mean", "label, all"};

SpaceMeasure measure_at(std::size_t m) { return kSpaceMeasures[m].value; }

// "0.822 (0.804 to 0.839)"; differences with their sign.
std::string score_text(const SpaceScore& score, std::size_t m, bool sign) {
  if (!std::isfinite(score.value)) return "-";
  const auto text = [&](double value) {
    const int digits = measure_at(m) == SpaceMeasure::kNormal ? 2 : 3;
    return sign ? fmt::format("{:+.{}f}", value, digits) : fmt::format("{:.{}f}", value, digits);
  };
  std::string out = text(score.value);
  if (std::isfinite(score.interval.low))
    out += " (" + text(score.interval.low) + " to " + text(score.interval.high) + ")";
  return out;
}

std::string exact_text(double value) {
  return std::isfinite(value) ? fmt::format("{:.9g}", value) : "-";
}

Table score_table(const ProbeReport& report, bool differences) {
  std::vector<TableColumn> columns{{differences ? "difference" : "features"}};
  for (const char* title : kMeasureTitles) columns.push_back({title, Align::kRight});
  Table table(columns);
  for (const ProbeRow& row : report.rows) {
    if (differences && row.baseline.empty()) continue;
    std::vector<std::string> cells{differences ? row.name + " minus " + row.baseline : row.name};
    for (std::size_t m = 0; m < kSpaceMeasureCount; ++m)
      cells.push_back(score_text(differences ? row.difference[m] : row.score[m], m, differences));
    table.add_row(std::move(cells));
  }
  return table;
}

std::string about_probe(const ProbeReport& report) {
  const ProbeRun& run = report.run;
  const SetProbe& first = *run.sets().front();
  const std::size_t classes = run.classes().size();
  std::string out =
      fmt::format("{}: fitted on {} ({} cells), scored on {} ({} cells); ridge {:g}; ",
                  plural(run.sets().size(), "feature set"), plural(run.fitted().size(), "scene"),
                  first.fit_cells, plural(run.scored().size(), "other scene"), first.scored_cells,
                  run.recipe().ridge);
  out += classes == 0
             ? std::string("no class with enough cells")
             : fmt::format("{}, chance {:.3f}", plural(classes, "class"), 1.0 / double(classes));
  return run.recipe().shuffle ? out + "; TRUTHS SHUFFLED" : out;
}

Json score_json(const SpaceScore& score) {
  return {{"value", score.value}, {"low", score.interval.low}, {"high", score.interval.high}};
}

Json value_sums_json(const ValueSums& sums) {
  return {{"truth", sums.truth},
          {"truth_square", sums.truth_square},
          {"error_square", sums.error_square}};
}

Json scene_sums_json(const std::string& key, const SpaceSums& sums) {
  return {{"key", key},
          {"cells", sums.cells},
          {"depth_m", value_sums_json(sums.depth)},
          {"height_m", value_sums_json(sums.height)},
          {"normal_deg", {{"sum", sums.angle_deg}, {"cells", sums.flat_cells}}},
          {"label_hits", sums.hits},
          {"label_cells", sums.of_class}};
}

Json row_json(const ProbeReport& report, const ProbeRow& row) {
  const ProbeRun& run = report.run;
  const SetProbe& set = *run.sets()[row.set];
  Json measures = Json::object(), differences = Json::object(), scenes = Json::list();
  for (std::size_t m = 0; m < kSpaceMeasureCount; ++m) {
    measures.add(kSpaceMeasures[m].name, score_json(row.score[m]));
    if (!row.baseline.empty())
      differences.add(kSpaceMeasures[m].name, score_json(row.difference[m]));
  }
  const auto& scores = report.scores(row);
  for (std::size_t i = 0; i < scores.size(); ++i)
    scenes.push(scene_sums_json(run.scored()[i], scores[i]));
  Json out{{"name", row.name}, {"control", row.control}};
  if (!row.control) {
    out.add("folder", run.recipe().sets[row.set].folder.string());
    out.add("tap", set.tap);
    out.add("channels", set.channels);
    out.add("not_finite", set.not_finite);
    out.add("inputs", set.cache_keys);
  }
  out.add("grid", Json::list({set.grid.rows, set.grid.columns}));
  out.add("fit_cells", set.fit_cells);
  out.add("scored_cells", set.scored_cells);
  out.add("measures", std::move(measures));
  out.add("baseline", row.baseline.empty() ? Json() : Json(row.baseline));
  out.add("difference", row.baseline.empty() ? Json() : std::move(differences));
  out.add("scenes", std::move(scenes));
  return out;
}

// Which rows there are, without numbers.
std::vector<ProbeRow> rows_of(const ProbeRun& run) {
  std::map<std::size_t, std::string> control_of;  // name of the control, by the first set alike
  std::set<std::size_t> kinds;
  for (std::size_t i = 0; i < run.sets().size(); ++i) kinds.insert(run.first_alike(i));
  const auto& baseline = run.recipe().baseline;
  const std::string base = baseline ? run.recipe().sets[*baseline].name : "";
  std::vector<ProbeRow> rows;
  for (std::size_t i = 0; i < run.sets().size(); ++i) {
    const std::string& name = run.recipe().sets[i].name;
    const std::size_t cells = run.first_alike(i);
    if (!control_of.contains(cells)) {
      control_of[cells] =
          std::string("place only") + (kinds.size() > 1 ? " (cells of " + name + ")" : "");
      rows.push_back({control_of[cells], true, i, base, {}, {}});
    }
    const bool is_base = baseline && *baseline == i;
    rows.push_back({name, false, i, baseline ? (is_base ? "" : base) : control_of[cells], {}, {}});
  }
  return rows;
}

}  // namespace

ProbeReport report_of(const ProbeRun& run) {
  ProbeReport report{run, rows_of(run)};
  const metrics::Bootstrap& draws = run.recipe().bootstrap;
  for (ProbeRow& row : report.rows) {
    const auto& own = report.scores(row);
    const auto& base = run.recipe().baseline ? run.sets()[*run.recipe().baseline]->scores
                                             : run.sets()[row.set]->place_scores;
    for (std::size_t m = 0; m < kSpaceMeasureCount; ++m) {
      row.score[m] = score_space(measure_at(m), own, draws);
      if (!row.baseline.empty()) row.difference[m] = compare_space(measure_at(m), own, base, draws);
    }
  }
  return report;
}

std::string probe_text(const ProbeReport& report, TableFormat format) {
  const bool markdown = format == TableFormat::kMarkdown;
  std::string out = (markdown ? "## " : "") + about_probe(report) + "\n\n";
  out += score_table(report, false).write(format) + "\n" + score_table(report, true).write(format);
  if (report.run.scored().size() > 1)
    out += "\nIn brackets: 95 % intervals over the scored scenes. Normals: smaller is better.\n";
  if (markdown) out += "\nOptions: `" + report.run.recipe().options_json + "`\n";
  return out;
}

Table probe_values(const ProbeReport& report) {
  Table table({{"features"},
               {"measure"},
               {"value", Align::kRight},
               {"low", Align::kRight},
               {"high", Align::kRight},
               {"baseline"},
               {"difference", Align::kRight},
               {"difference_low", Align::kRight},
               {"difference_high", Align::kRight}});
  for (const ProbeRow& row : report.rows) {
    for (std::size_t m = 0; m < kSpaceMeasureCount; ++m) {
      const SpaceScore &score = row.score[m], &change = row.difference[m];
      std::vector<std::string> cells{row.name,
                                     std::string(kSpaceMeasures[m].name),
                                     exact_text(score.value),
                                     exact_text(score.interval.low),
                                     exact_text(score.interval.high),
                                     row.baseline};
      for (const double value : {change.value, change.interval.low, change.interval.high})
        cells.push_back(row.baseline.empty() ? "-" : exact_text(value));
      table.add_row(std::move(cells));
    }
  }
  return table;
}

Table probe_scenes(const ProbeReport& report) {
  std::vector<TableColumn> columns{{"features"}, {"scene"}, {"cells", Align::kRight}};
  for (const auto& measure : kSpaceMeasures)
    columns.push_back({std::string(measure.name), Align::kRight});
  Table table(columns);
  constexpr int kOnce[] = {1};
  for (const ProbeRow& row : report.rows) {
    const auto& scores = report.scores(row);
    for (std::size_t i = 0; i < scores.size(); ++i) {
      std::vector<std::string> cells{row.name, report.run.scored()[i],
                                     std::to_string(scores[i].cells)};
      for (std::size_t m = 0; m < kSpaceMeasureCount; ++m)
        cells.push_back(exact_text(measure_space(measure_at(m), {&scores[i], 1}, kOnce)));
      table.add_row(std::move(cells));
    }
  }
  return table;
}

Json probe_json(const ProbeReport& report) {
  const ProbeRun& run = report.run;
  Json classes = Json::list(), floors = Json::list(), rows = Json::list();
  for (const ProbedClass& one : run.classes())
    classes.push({{"name", one.name}, {"fit_cells", one.fit_cells}});
  for (const SceneFloor& one : run.floors())
    floors.push({{"key", one.key}, {"z_m", one.floor.z_m}, {"annotated", one.floor.annotated}});
  for (const ProbeRow& row : report.rows) rows.push(row_json(report, row));
  return {{"schema", "vega.probe/1"},
          {"version", version()},
          {"options", parse_json(run.recipe().options_json).value_or(Json())},
          {"fit", run.fitted()},
          {"scored", run.scored()},
          {"left_out", run.recipe().left_out},
          {"classes", std::move(classes)},
          {"floors", std::move(floors)},
          {"rows", std::move(rows)}};
}

std::string probe_answer(const ProbeReport& report) {
  switch (report.run.recipe().format) {
    case TableFormat::kJson: return probe_json(report).dump(2) + "\n";
    case TableFormat::kCsv: return probe_values(report).write(TableFormat::kCsv);
    case TableFormat::kLatex: return score_table(report, false).write(TableFormat::kLatex);
    default: return probe_text(report, report.run.recipe().format);
  }
}

}  // namespace vega::evaluate
