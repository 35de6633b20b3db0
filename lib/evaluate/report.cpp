#include "evaluate/report.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>

#include "base/build_info.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "evaluate/report_cases.h"
#include "evaluate/report_gates.h"
#include "evaluate/report_page.inc"
#include "evaluate/report_runs.h"
#include "evaluate/report_scores.h"
#include "run/output_names.h"
#include "viz/html.h"

namespace vega::evaluate {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kLargePage = std::size_t{60} << 20;

constexpr auto kReportHelp =
    R"(Makes one HTML file of runs: scores with intervals as tables and plots, gate maps, and cases with pictures, which
the reader filters by task, type and score. The file opens without a network and is used with mouse, keyboard or finger;
without JavaScript all cases stand there. A run is a folder of answers (answers.jsonl, with run.json and scores.json
where there are some), a scores.json, or a folder of such folders, one a task. scores.json beside the answers is taken
as it is if it is of these answers; else they are scored.

Examples:
  vega-eval report answers -o report.html
  vega-eval report ours=answers/ours theirs=answers/theirs --gt scanqa=ScanQA_v1.0_val.json --scenes scenes -o report.html
  vega-eval report ours=answers/ours --scenes scenes --tokens tokens/token_gated --count 40 -o report.html

See also: vega-eval show, vega-eval score, vega-eval table; docs/report.md)";

// Names in the order in which they come, each once.
std::vector<std::string> names_of(const std::vector<ReportInput>& inputs) {
  std::vector<std::string> out;
  for (const ReportInput& input : inputs)
    if (std::find(out.begin(), out.end(), input.name) == out.end()) out.push_back(input.name);
  return out;
}

std::string head(const std::string& title) {
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
      "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n"
      "<title>{}</title>\n<link rel=\"icon\" "
      "href=\"data:,\">\n<style>\n{}</style>\n</head>\n<body>\n"
      "<a class=\"skip\" href=\"#main\">Skip to the scores</a>\n",
      html_text(title), kPage_css);
}

struct Section {
  std::string id, title, body;
};

// Systems whose numbers are those of chance; empty: none is known to be.
std::string untrained_words(const std::vector<ReportTask>& tasks,
                            const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) {
    const auto is = [&](const ReportRun& run) { return run.name == name && run.file.untrained(); };
    if (std::any_of(tasks.begin(), tasks.end(), [&](const ReportTask& task) {
          return std::any_of(task.runs.begin(), task.runs.end(), is);
        }))
      out += (out.empty() ? "<bdi>" : ", <bdi>") + html_text(name) + "</bdi>";
  }
  if (out.empty()) return out;
  return "<p class=\"notice\">Never trained: " + out +
         ". Such answers are noise, and their scores those of chance.</p>\n";
}

std::string page_of(const ReportVerb& options, const std::vector<std::string>& names,
                    const std::string& notice, const std::vector<Section>& sections) {
  std::string out = head(options.title) + "<header class=\"top\">\n<h1>" +
                    html_text(options.title) + "</h1>\n<p class=\"muted\">Runs: ";
  for (std::size_t n = 0; n < names.size(); ++n)
    out += (n > 0 ? ", " : "") + ("<bdi>" + html_text(names[n]) + "</bdi>");
  out += "</p>\n" + notice + "<nav aria-label=\"Parts of the report\"><ul>\n";
  for (const Section& one : sections)
    out += fmt::format("<li><a href=\"#{}\">{}</a></li>\n", one.id, html_text(one.title));
  out += "</ul></nav>\n</header>\n<main id=\"main\" tabindex=\"-1\">\n";
  for (const Section& one : sections)
    out +=
        fmt::format("<section aria-labelledby=\"{0}\">\n<h2 id=\"{0}\">{1}</h2>\n{2}</section>\n",
                    one.id, html_text(one.title), one.body);
  out += "</main>\n<footer>Made by vega-eval " + html_text(version()) +
         ". Numbers as in docs/scoring.md, pictures as in docs/report.md.</footer>\n";
  return out + "<script>\n" + kPage_js + "</script>\n</body>\n</html>\n";
}

// Runs whose questions could not be put together, and why.
std::string no_cases(const std::vector<ReportTask>& tasks) {
  std::string out;
  for (const ReportTask& task : tasks)
    for (const ReportRun& run : task.runs)
      if (!run.file.no_cases.empty())
        out +=
            fmt::format("<p class=\"muted\">{} of <bdi>{}</bdi>, no cases: {}</p>\n",
                        html_text(task.title), html_text(run.name), html_text(run.file.no_cases));
  return out;
}

// --gt named what is right, and it is not what was answered.
std::size_t missed_truths(const std::vector<ReportTask>& tasks,
                          const tasks::ScoredSources& sources) {
  std::size_t out = 0;
  for (const ReportTask& task : tasks)
    for (const ReportRun& run : task.runs)
      out += !run.file.no_cases.empty() && sources.gt_of.contains(task.task) ? 1 : 0;
  return out;
}

std::string cases_body(const std::vector<ReportTask>& tasks, CaseOptions options,
                       SceneCache* scenes, CaseCounts& counts, ProgressMode mode) {
  std::int64_t total = 0;
  for (const ReportTask& task : tasks)
    if (const ReportRun* first = task.with_questions())
      total += std::ssize(report_cases(first->file, options.count));
  Progress progress("cases", "cases", total, mode);
  options.progress = &progress;
  std::string articles, chosen;
  for (const ReportTask& task : tasks) {
    articles += case_articles(task, options, scenes, counts);
    const ReportRun* first = task.with_questions();
    if (first == nullptr) continue;
    const auto all = static_cast<std::int64_t>(first->file.questions.size());
    if (options.count > 0 && all > options.count)
      chosen += fmt::format("{}{}: {} of {}", chosen.empty() ? "" : ", ", html_text(task.title),
                            options.count, all);
  }
  if (counts.cases == 0)
    return "<p>No cases: the runs are scores alone, or nothing says what is right (--gt).</p>\n" +
           no_cases(tasks);
  std::string out;
  if (!chosen.empty())
    out +=
        "<p class=\"muted\">Some of the questions: half are those that earned least in the first "
        "run, the others are spread evenly over the rest (" +
        chosen + ").</p>\n";
  if (scenes == nullptr)
    out += "<p class=\"muted\">No pictures: --scenes DIR was not given.</p>\n";
  else
    out += case_key(options.names);
  return out + case_filters(tasks, options.names) + no_cases(tasks) +
         fmt::format("<p id=\"count\" role=\"status\">{}</p>\n", plural(counts.cases, "case")) +
         "<div id=\"case-list\">\n" + articles + "</div>\n";
}

}  // namespace

void ReportVerb::visit(OptionVisitor& v) {
  v.inputs(inputs, "[NAME=]RUN...",
           "folders of answers, score files, or folders of such folders; one name is one system");
  v.text("-o,--out", out, "FILE.html", "the page");
  v.text("--title", title, "TEXT", "its title");
  v.group("Cases");
  v.text("--scenes", sources.scenes, "DIR",
         "scene files DIR/KEY.h5 of vega-extract scene, for pictures");
  v.integer("--count", count, "N", {0}, "cases a task; 0: all questions");
  v.integer("--frames", frames, "N", {1, 12}, "frames a case");
  v.text("--tokens", tokens, "DIR", "tokens files of vega-fuse: gate maps of scenes of the cases");
  v.integer("--gates", gates, "N", {1, 100}, "scenes whose gates are shown");
  v.group("What is right");
  v.texts("--gt", gt, "TASK=FILE",
          "annotation file of a task, as of vega-eval score; may be given several times");
  sources.visit(v);
  RunOptions::visit_threads(v, sources.threads);
}

int run_report(const ReportVerb& options, const tasks::ReadScored& read, const Context& context) {
  if (options.out.empty()) throw UsageError(explain("--out", "nothing", "a name ending in .html"));
  if (fs::path(options.out).extension() != ".html")
    throw UsageError(explain("--out", "'" + options.out + "'", "a name that ends in .html"));
  for (const auto& [option, folder] :
       {std::pair{"--scenes", &options.sources.scenes}, {"--tokens", &options.tokens}})
    if (!folder->empty() && !fs::is_directory(*folder))
      throw InputError(
          explain(std::string(option) + " " + *folder, "no folder", "DIR/KEY.h5 files"));
  const std::vector<ReportInput> inputs = report_inputs(options.inputs);
  tasks::ScoredSources sources = options.sources;
  sources.gt_of = truth_files(options.gt);
  const std::vector<ReportTask> tasks = read_runs(inputs, sources, read);

  CaseOptions cases;
  cases.count = options.count;
  cases.frames = static_cast<std::size_t>(options.frames);
  cases.names = names_of(inputs);
  std::optional<SceneCache> scenes;
  if (!sources.scenes.empty()) scenes.emplace(sources.scenes);
  std::vector<Section> sections;
  if (tasks.size() > 1) sections.push_back({"overview", "All tasks", overview(tasks, cases.names)});
  for (std::size_t t = 0; t < tasks.size(); ++t)
    sections.push_back({tasks[t].task, tasks[t].title,
                        score_tables(tasks[t]) + score_plots(tasks[t], t) + run_details(tasks[t])});
  CaseCounts counts;
  const std::string body =
      cases_body(tasks, cases, scenes ? &*scenes : nullptr, counts, context.progress);
  if (!options.tokens.empty())
    sections.push_back({"gates", "Gates",
                        gate_figures(options.tokens, sources.scenes, counts.scenes,
                                     static_cast<std::size_t>(options.gates))});
  sections.push_back({"cases", "Cases", body});
  const std::string page =
      page_of(options, cases.names, untrained_words(tasks, cases.names), sections);
  publish_output(options.out, page);
  log_info("{}: {} of {}, {}, {}", options.out, plural(tasks.size(), "task"),
           plural(inputs.size(), "run"), plural(counts.cases, "case"),
           bytes_text(double(page.size())));
  if (page.size() > kLargePage)
    log_warn("{} is large for a browser: fewer --count or --frames make it smaller", options.out);
  context.manifest("report", options.out);
  return counts.failed + missed_truths(tasks, sources) > 0 ? 4 : 0;
}

Verb report_verb(tasks::ReadScored read) {
  const auto options = std::make_shared<ReportVerb>();
  return {"report", "one HTML file: tables, plots, gate maps and cases of runs", kReportHelp,
          [options](OptionVisitor& v) { options->visit(v); },
          [options, read](const Context& context) { return run_report(*options, read, context); }};
}

}  // namespace vega::evaluate
