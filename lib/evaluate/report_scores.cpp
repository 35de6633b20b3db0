#include "evaluate/report_scores.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "viz/html.h"
#include "viz/plot.h"

namespace vega::evaluate {
namespace {

using tasks::ScoredValue;

constexpr PlotSize kSize{320, 200};

void add_new(const std::string& name, std::vector<std::string>& out) {
  if (std::find(out.begin(), out.end(), name) == out.end()) out.push_back(name);
}

std::vector<std::string> metrics_of(const ReportTask& task) {
  std::vector<std::string> out;
  for (const ReportRun& run : task.runs)
    for (const ScoredValue& value : run.file.values) add_new(value.metric, out);
  return out;
}

const ScoredValue* find_value(const std::vector<ScoredValue>& values, const std::string& metric) {
  for (const ScoredValue& value : values)
    if (value.metric == metric) return &value;
  return nullptr;
}

const std::vector<ScoredValue>* find_group(const tasks::ScoredFile& file,
                                           const std::string& group) {
  for (const auto& [name, values] : file.groups)
    if (name == group) return &values;
  return nullptr;
}

std::string cell(const ScoredValue* value, const tasks::ScoredFile& file, bool best) {
  if (value == nullptr) return "<td>-</td>";
  if (!std::isfinite(value->value))
    return fmt::format("<td>- <small>{}</small></td>", html_text(value->reason));
  std::string out = fmt::format("<td{}><b>{:.2f}</b>", best ? " class=\"best\"" : "", value->value);
  if (std::isfinite(value->low + value->high))
    out += fmt::format(" <small>[{:.2f}, {:.2f}]</small>", value->low, value->high);
  if (file.n < file.of) out += fmt::format(" <small>({}/{})</small>", file.n, file.of);
  return out + "</td>";
}

// One column of a table: a run, or null where a system did not answer the task.
using Runs = std::vector<const ReportRun*>;

Runs runs_of(const ReportTask& task) {
  Runs out;
  for (const ReportRun& run : task.runs) out.push_back(&run);
  return out;
}

std::vector<std::string> names_of(const ReportTask& task) {
  std::vector<std::string> out;
  for (const ReportRun& run : task.runs) out.push_back(run.name);
  return out;
}

// Values with the largest one of several marked, as they are shown.
std::string row(const Runs& runs, const std::string& head,
                const std::vector<const ScoredValue*>& values) {
  double most = -1;
  for (const ScoredValue* value : values)
    if (value != nullptr && std::isfinite(value->value)) most = std::max(most, value->value);
  std::string out = "<tr><th scope=\"row\">" + html_text(head) + "</th>";
  for (std::size_t r = 0; r < values.size(); ++r) {
    const bool best = runs.size() > 1 && values[r] != nullptr &&
                      std::round(100 * values[r]->value) == std::round(100 * most);
    out += runs[r] == nullptr ? "<td>-</td>" : cell(values[r], runs[r]->file, best);
  }
  return out + "</tr>\n";
}

std::string table(const std::vector<std::string>& names, const std::string& caption,
                  const std::string& first, const std::string& rows) {
  std::string out = fmt::format(
      "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{0}\">\n<table>\n"
      "<caption>{0}</caption>\n<thead><tr><th scope=\"col\">{1}</th>",
      html_text(caption), html_text(first));
  for (const std::string& name : names)
    out += "<th scope=\"col\"><bdi>" + html_text(name) + "</bdi></th>";
  return out + "</tr></thead>\n<tbody>\n" + rows + "</tbody>\n</table>\n</div>\n";
}

std::string group_tables(const ReportTask& task) {
  std::vector<std::string> groups, metrics;
  for (const ReportRun& run : task.runs) {
    for (const auto& [name, values] : run.file.groups) {
      add_new(name, groups);
      for (const ScoredValue& value : values) add_new(value.metric, metrics);
    }
  }
  std::string out;
  for (const std::string& metric : metrics) {
    std::string rows;
    for (const std::string& group : groups) {
      std::vector<const ScoredValue*> values;
      for (const ReportRun& run : task.runs) {
        const auto* found = find_group(run.file, group);
        values.push_back(found == nullptr ? nullptr : find_value(*found, metric));
      }
      rows += row(runs_of(task), group, values);
    }
    out += table(names_of(task), metric + " by type, percent, with 95 % intervals", "type", rows);
  }
  if (out.empty()) return out;
  return "<details><summary>By type of question</summary>\n" + out + "</details>\n";
}

std::string count_rows(const ReportTask& task) {
  std::string out;
  const auto line = [&](const char* name, const auto& text_of) {
    out += fmt::format("<tr><th scope=\"row\">{}</th>", name);
    for (const ReportRun& run : task.runs) out += "<td>" + text_of(run.file) + "</td>";
    out += "</tr>\n";
  };
  using tasks::ScoredFile;
  line("questions", [](const ScoredFile& f) {
    return f.n < f.of ? fmt::format("{} of {}", f.n, f.of) : std::to_string(f.n);
  });
  line("unreadable", [](const ScoredFile& f) { return std::to_string(f.unreadable); });
  line("empty", [](const ScoredFile& f) { return std::to_string(f.empty); });
  line("cut by length", [](const ScoredFile& f) {
    return f.cut ? std::to_string(*f.cut) : std::string("not known");
  });
  line("matcher", [](const ScoredFile& f) { return html_text(f.matcher); });
  return out;
}

PlotPoint point_of(double x, const ScoredValue* value) {
  PlotPoint out{x, kNoNumber};
  if (value != nullptr) out.y = value->value, out.low = value->low, out.high = value->high;
  return out;
}

bool any_number(const Bars& bars) {
  for (const PlotSeries& series : bars.series)
    for (const PlotPoint& point : series.points)
      if (std::isfinite(point.y)) return true;
  return false;
}

std::string figure(const Bars& bars, const std::string& label, const std::string& id) {
  if (bars.categories.empty() || !any_number(bars)) return {};
  return "<figure>" + html_svg(kSize.width, kSize.height, plot_bars(bars, kSize), label, id) +
         "</figure>\n";
}

// The metrics by which papers compare systems in a task; without one of these the first metric.
std::vector<std::string> leading_metrics(const ReportTask& task) {
  std::vector<std::string> out;
  for (const std::string& metric : metrics_of(task))
    for (const char* known : {"Acc@0.5", "F1@0.5", "EM", "CIDEr"})
      if (metric == known) out.push_back(metric);
  if (out.empty() && !metrics_of(task).empty()) out.push_back(metrics_of(task).front());
  return out;
}

}  // namespace

std::string overview(const std::vector<ReportTask>& tasks, const std::vector<std::string>& names) {
  std::string rows;
  Radar radar{.title = "All tasks"};
  for (const std::string& name : names) radar.series.push_back({.name = name});
  for (const ReportTask& task : tasks) {
    Runs runs(names.size(), nullptr);
    for (const ReportRun& run : task.runs)
      for (std::size_t n = 0; n < names.size(); ++n)
        if (names[n] == run.name) runs[n] = &run;
    for (const std::string& metric : leading_metrics(task)) {
      std::vector<const ScoredValue*> values;
      bool known = false;
      for (const ReportRun* run : runs) {
        values.push_back(run == nullptr ? nullptr : find_value(run->file.values, metric));
        known = known || (values.back() != nullptr && std::isfinite(values.back()->value));
      }
      rows += row(runs, task.title + " " + metric, values);
      if (!known) continue;
      radar.axes.push_back(task.title + " " + metric);
      for (std::size_t n = 0; n < names.size(); ++n)
        radar.series[n].points.push_back(point_of(0, values[n]));
    }
  }
  std::string out =
      table(names, "All tasks, percent, with 95 % intervals", "task and metric", rows);
  if (radar.axes.size() < 3 || names.size() < 2) return out;
  constexpr PlotSize kRound{320, 260};
  return out + "<div class=\"plots\">\n<figure>" +
         html_svg(kRound.width, kRound.height, plot_radar(radar, kRound),
                  "Radar: the metrics of the table above, a line a run", "all") +
         "</figure>\n</div>\n";
}

std::string score_tables(const ReportTask& task) {
  std::string rows;
  for (const std::string& metric : metrics_of(task)) {
    std::vector<const ScoredValue*> values;
    for (const ReportRun& run : task.runs) values.push_back(find_value(run.file.values, metric));
    rows += row(runs_of(task), metric, values);
  }
  return table(names_of(task), task.title + " " + task.split + ", percent, with 95 % intervals",
               "metric", rows + count_rows(task)) +
         group_tables(task);
}

std::string score_plots(const ReportTask& task, std::size_t number) {
  Bars all{.title = task.title, .y_label = "percent", .note = "bars: value, lines: 95 % interval"};
  all.categories = metrics_of(task);
  Bars by_type{.title = "by type", .y_label = "percent"};
  for (const ReportRun& run : task.runs)
    for (const auto& [name, values] : run.file.groups) add_new(name, by_type.categories);
  for (const ReportRun& run : task.runs) {
    const std::string name = task.runs.size() > 1 ? run.name : "";
    PlotSeries series{.name = name}, groups{.name = name};
    for (std::size_t i = 0; i < all.categories.size(); ++i)
      series.points.push_back(point_of(double(i), find_value(run.file.values, all.categories[i])));
    for (std::size_t i = 0; i < by_type.categories.size(); ++i) {
      const auto* found = find_group(run.file, by_type.categories[i]);
      groups.points.push_back(
          point_of(double(i), found == nullptr || found->empty() ? nullptr : &found->front()));
      if (found != nullptr && !found->empty()) by_type.title = found->front().metric + " by type";
    }
    all.series.push_back(std::move(series));
    by_type.series.push_back(std::move(groups));
  }
  const std::string id = "p" + std::to_string(number);
  const std::string more = "; the tables above have the numbers";
  const std::string figures =
      figure(all, "Bars: metrics of " + task.title + " by run" + more, id + "m") +
      figure(by_type, "Bars: " + by_type.title + " of " + task.title + more, id + "t");
  return figures.empty() ? "" : "<div class=\"plots\">\n" + figures + "</div>\n";
}

std::string run_details(const ReportTask& task) {
  std::string out = "<details><summary>Where these numbers come from</summary>\n";
  for (const ReportRun& run : task.runs) {
    out += fmt::format("<p><b><bdi>{}</bdi></b>: <bdi>{}</bdi></p>\n", html_text(run.name),
                       html_text(run.path));
    for (const std::string& note : run.file.notes)
      out += "<p class=\"muted\">" + html_text(note) + "</p>\n";
    if (run.file.run.is_null()) {
      out += "<p class=\"muted\">no run.json beside the answers</p>\n";
      continue;
    }
    std::string text;  // line ends stay
    const std::string json = run.file.run.dump(2).substr(0, 20'000);
    for (std::size_t from = 0; from < json.size();) {
      const std::size_t end = std::min(json.find('\n', from), json.size());
      text += html_text(std::string_view(json).substr(from, end - from)) + "\n";
      from = end + 1;
    }
    out += "<pre dir=\"ltr\">" + text + "</pre>\n";
  }
  return out + "</details>\n";
}

}  // namespace vega::evaluate
