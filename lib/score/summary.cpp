#include "score/summary.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace vega::score {
namespace {

ScoreValue value_of(const Measure& measure, const std::vector<std::size_t>* members,
                    const metrics::Clusters& clusters, const Certainty& certainty) {
  ScoreValue out;
  const auto counts = [&](std::size_t i) { return !std::isnan(measure.earned[i]); };
  if (members == nullptr) {
    for (std::size_t i = 0; i < measure.earned.size(); ++i) out.n += counts(i) ? 1 : 0;
  } else {
    for (const std::size_t i : *members) out.n += counts(i) ? 1 : 0;
  }
  if (!measure.missing.empty() || out.n == 0) {
    out.reason = measure.missing.empty() ? "no question" : measure.missing;
    return out;
  }
  // Questions that do not count must not count as clusters either.
  std::vector<std::size_t> used;
  if (members == nullptr) {
    for (std::size_t i = 0; i < measure.earned.size(); ++i)
      if (counts(i)) used.push_back(i);
  } else {
    std::copy_if(members->begin(), members->end(), std::back_inserter(used), counts);
  }
  const auto sums = metrics::some_of(measure.sums, used);
  out.value = metrics::value_of(sums);
  if (!std::isfinite(out.value)) {
    out.reason = "no question of some part";
    return out;
  }
  const auto interval =
      metrics::interval_of(sums, metrics::some_of(clusters, used), certainty.bootstrap);
  out.low = interval.low;
  out.high = interval.high;
  return out;
}

std::string counts_text(const Scores& scores) {
  const Benchmark& benchmark =
      benchmark_of(*find_choice(task_names(), std::string_view(scores.task)));
  std::string out =
      fmt::format("{} {}, matcher: {}\n", benchmark.title, scores.split, scores.matcher);
  const std::string_view noun = benchmark.task == Task::kLibero ? "episode" : "question";
  out += scores.partial() ? fmt::format("{} of {} {}s (partial)", scores.n, scores.of, noun)
                          : plural(static_cast<std::size_t>(scores.n), noun);
  out += fmt::format("; {} unreadable, {} empty, {} cut by length\n", scores.unreadable,
                     scores.empty, scores.cut ? std::to_string(*scores.cut) : "unknown number");
  return out;
}

Table metric_table(const Scores& scores) {
  const bool seeds = std::any_of(scores.metrics.begin(), scores.metrics.end(),
                                 [](const auto& m) { return !m.second.seeds.empty(); });
  std::vector<TableColumn> columns = {
      {"metric"}, {"value", Align::kRight}, {"95 % interval", Align::kRight}, {"n", Align::kRight}};
  if (seeds) columns.push_back({"range of files", Align::kRight});
  for (const auto& [name, values] : scores.baselines) columns.push_back({name, Align::kRight});
  Table out(columns);
  for (const auto& [name, value] : scores.metrics) {
    std::vector<std::string> cells = {name, value_text(value, scores), interval_text(value),
                                      std::to_string(value.n)};
    if (seeds) {
      std::string range = "-";
      if (!value.seeds.empty()) {
        const auto [low, high] = std::minmax_element(value.seeds.begin(), value.seeds.end());
        range = fmt::format("{:.2f} to {:.2f}", *low, *high);
      }
      cells.push_back(range);
    }
    for (const auto& [baseline, values] : scores.baselines) {
      const auto at = std::find_if(values.begin(), values.end(),
                                   [&](const auto& one) { return one.first == name; });
      const bool known = at != values.end() && std::isfinite(at->second);
      cells.push_back(known ? fmt::format("{:.2f}", at->second) : "-");
    }
    out.add_row(cells);
    if (!value.reason.empty()) out.add_footnote(out.rows().size() - 1, 1, value.reason);
  }
  return out;
}

Table group_table(const Scores& scores) {
  std::vector<TableColumn> columns = {{"group"}};
  std::vector<std::string> names;
  for (const auto& [group, metrics] : scores.breakdown)
    for (const auto& [name, value] : metrics)
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  for (const std::string& name : names) columns.push_back({name, Align::kRight});
  columns.push_back({"n", Align::kRight});
  Table out(columns);
  for (const auto& [group, metrics] : scores.breakdown) {
    std::vector<std::string> cells = {group};
    std::int64_t n = 0;
    for (const std::string& name : names) {
      std::string cell = "-";
      for (const auto& [other, value] : metrics) {
        if (other != name) continue;
        cell = value_text(value, scores);
        if (std::isfinite(value.value)) cell += " " + interval_text(value);
        n = std::max(n, value.n);
      }
      cells.push_back(cell);
    }
    cells.push_back(std::to_string(n));
    out.add_row(cells);
  }
  return out;
}

// All numbers as one table: those of groups follow.
std::string csv(const Scores& scores) {
  Table out({{"metric"}, {"value"}, {"low"}, {"high"}, {"n"}, {"of"}, {"group"}});
  const auto number = [](double value) {
    return std::isfinite(value) ? fmt::format("{:.2f}", value) : "";
  };
  const auto add = [&](const Metrics& metrics, const std::string& group) {
    for (const auto& [name, value] : metrics)
      out.add_row({name, number(value.value), number(value.low), number(value.high),
                   std::to_string(value.n), group.empty() ? std::to_string(scores.of) : "", group});
  };
  add(scores.metrics, "");
  for (const auto& [group, metrics] : scores.breakdown) add(metrics, group);
  return out.write(TableFormat::kCsv);
}

void add_new(const std::vector<std::string>& more, std::vector<std::string>& out) {
  for (const std::string& one : more)
    if (std::find(out.begin(), out.end(), one) == out.end()) out.push_back(one);
}

}  // namespace

metrics::Clusters clusters_of(const Measured& measured, const Certainty& certainty) {
  const bool known = std::none_of(measured.scenes.begin(), measured.scenes.end(),
                                  [](const std::string& scene) { return scene.empty(); });
  if (!certainty.by_scene || !known) return metrics::one_each(measured.scenes.size());
  return metrics::clusters_of(measured.scenes);
}

Measured mean_of_runs(const std::vector<Measured>& runs) {
  Measured out = runs[0];
  if (runs.size() == 1) return out;
  for (std::size_t m = 0; m < out.measures.size(); ++m) {
    auto& values = out.seeds.emplace_back();
    for (const Measured& run : runs) values.push_back(metrics::value_of(run.measures[m].sums));
  }
  for (auto member : {&Measured::measures, &Measured::of_groups}) {
    for (std::size_t m = 0; m < (out.*member).size(); ++m) {
      Measure& mean = (out.*member)[m];
      std::vector<metrics::SumScore> sums;
      for (const Measured& run : runs) sums.push_back((run.*member)[m].sums);
      mean.sums = metrics::mean_of(sums);
      for (std::size_t i = 0; i < mean.earned.size(); ++i) {
        double total = 0;
        for (const Measured& run : runs) total += (run.*member)[m].earned[i];
        mean.earned[i] = total / static_cast<double>(runs.size());
      }
    }
  }
  for (std::size_t r = 1; r < runs.size(); ++r) {
    out.unreadable += runs[r].unreadable;
    out.empty += runs[r].empty;
    if (runs[r].cut) out.cut = out.cut.value_or(0) + *runs[r].cut;
    add_new(runs[r].notes, out.notes);
    add_new(runs[r].warnings, out.warnings);
  }
  return out;
}

Scores scores_of(Task task, const Measured& measured, const Certainty& certainty) {
  Scores out;
  out.task = name_in(task_names(), task);
  out.split = benchmark_of(task).split;
  out.matcher = measured.matcher;
  out.n = static_cast<std::int64_t>(measured.ids.size());
  out.of = measured.of;
  out.unreadable = measured.unreadable;
  out.empty = measured.empty;
  out.cut = measured.cut;
  const auto clusters = clusters_of(measured, certainty);
  out.run = measured.run;
  for (const Measure& one : measured.measures)
    out.metrics.emplace_back(one.name, value_of(one, nullptr, clusters, certainty));
  for (std::size_t m = 0; m < measured.seeds.size(); ++m)
    if (out.metrics[m].second.reason.empty()) out.metrics[m].second.seeds = measured.seeds[m];
  for (const auto& [name, values] : measured.baselines) {
    auto& baseline = out.baselines.emplace_back();
    baseline.first = name;
    for (std::size_t m = 0; m < values.size(); ++m)
      if (std::isfinite(values[m]))
        baseline.second.emplace_back(measured.measures[m].name, values[m]);
  }
  for (const auto& [group, members] : measured.groups) {
    Metrics values;
    for (const Measure& one : measured.of_groups.empty() ? measured.measures : measured.of_groups) {
      ScoreValue value = value_of(one, &members, clusters, certainty);
      if (value.n > 0 && std::isfinite(value.value))
        values.emplace_back(one.name, std::move(value));
    }
    if (!values.empty()) out.breakdown.emplace_back(group, std::move(values));
  }
  return out;
}

std::string value_text(const ScoreValue& value, const Scores& scores) {
  if (!std::isfinite(value.value)) return "-";
  std::string out = fmt::format("{:.2f}", value.value);
  if (scores.partial()) out += fmt::format(" ({}/{})", scores.n, scores.of);
  return out;
}

std::string interval_text(const ScoreValue& value) {
  if (!std::isfinite(value.low) || !std::isfinite(value.high)) return "-";
  return fmt::format("[{:.1f}, {:.1f}]", value.low, value.high);
}

std::string scores_report(const Scores& scores, TableFormat format) {
  if (format == TableFormat::kJson) return scores_text(scores);
  if (format == TableFormat::kCsv) return csv(scores);
  std::string out = counts_text(scores) + "\n" + metric_table(scores).write(format);
  if (!scores.breakdown.empty()) out += "\n" + group_table(scores).write(format);
  return out;
}

std::string samples_text(const Measured& measured) {
  std::string out;
  for (std::size_t i = 0; i < measured.ids.size(); ++i) {
    Json line = Json::object();
    line.add("id", measured.ids[i]);
    if (!measured.scenes[i].empty()) line.add("scene", measured.scenes[i]);
    Json earned = Json::object();
    for (const Measure& one : measured.measures) {
      if (!one.missing.empty() || std::isnan(one.earned[i])) continue;
      earned.add(one.name, one.earned[i]);
    }
    line.add("earned", std::move(earned));
    out += line.dump() + "\n";
  }
  return out;
}

}  // namespace vega::score
