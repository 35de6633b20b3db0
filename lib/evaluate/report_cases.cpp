#include "evaluate/report_cases.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <unordered_map>

#include "base/log.h"
#include "base/printable.h"
#include "base/stop.h"
#include "base/text.h"
#include "evaluate/show_case.h"
#include "evaluate/show_order.h"
#include "evaluate/show_page.h"
#include "media/jpeg.h"
#include "scene/select.h"
#include "viz/html.h"

namespace vega::evaluate {
namespace {

using tasks::ScoredAnswer;
using tasks::ScoredFile;
using tasks::ScoredQuestion;

constexpr int kJpegQuality = 82;

// One question in all runs of its task; null: a run does not answer it.
struct Case {
  const ReportTask& task;
  const ScoredQuestion& question;
  std::vector<const ScoredQuestion*> runs;
};

std::string figure(const ImageU8& picture, const std::string& alt, const std::string& caption) {
  return fmt::format(
      "<figure><img loading=\"lazy\" width=\"{}\" height=\"{}\" alt=\"{}\" src=\"{}\">"
      "<figcaption>{}</figcaption></figure>\n",
      picture.width, picture.height, html_text(alt),
      data_uri("image/jpeg", encode_jpeg(picture, kJpegQuality)), html_text(caption));
}

// Place of a run's name among all names of the report, which decides its colour.
std::size_t name_place(const Case& one, std::size_t run, const CaseOptions& options) {
  const std::string& name = one.task.runs[run].name;
  return static_cast<std::size_t>(std::find(options.names.begin(), options.names.end(), name) -
                                  options.names.begin());
}

// Boxes are those of the first two names.
ScoredQuestion drawn_question(const Case& one, const CaseOptions& options) {
  ScoredQuestion out = one.question;
  out.answer = {};
  out.against.reset();
  for (std::size_t r = 0; r < one.runs.size(); ++r) {
    if (one.runs[r] == nullptr) continue;
    const std::size_t place = name_place(one, r, options);
    if (place == 0) out.answer = one.runs[r]->answer;
    if (place == 1) out.against = one.runs[r]->answer;
  }
  return out;
}

std::string pictures(const Case& one, const CaseOptions& options, const ShownScene& scene) {
  const ScoredQuestion drawn = drawn_question(one, options);
  const std::vector<CaseBox> boxes = case_boxes(drawn, scene);
  const auto frames =
      case_frames(boxes, scene, options.frames, {options.width, options.width * 4 / 5});
  std::string out = "<div class=\"pictures\">\n";
  for (std::size_t i = 0; i < frames.size(); ++i)
    out += figure(frames[i].picture,
                  fmt::format("Picture {} of {}, {}", i + 1, one.question.scene, frames[i].caption),
                  fmt::format("{} \u00b7 {}", i + 1, frames[i].caption));
  const int height = frames.empty() ? options.width * 3 / 4 : frames[0].picture.height;
  const ImageU8 top = top_view(boxes, scene, frames, {options.width, height});
  out +=
      figure(top, "The room from above with boxes, the camera's way and the places of the pictures",
             scene.has_pictures() ? "from above; pink: the camera's way"
                                  : "from above; the scene file has no pictures, only depth");
  return out + "</div>\n";
}

std::string earned(const ScoredFile& file, const ScoredAnswer& answer) {
  std::string out;
  for (std::size_t m = 0; m < file.metrics.size() && m < answer.earned.size(); ++m)
    out += fmt::format("{}{} <b>{}</b>", m > 0 ? " · " : "", html_text(file.metrics[m].name),
                       earned_text(answer.earned[m]));
  return "<span class=\"earned\">" + out + "</span>";
}

std::string main_score(const ScoredFile& file, const ScoredAnswer& answer) {
  if (file.main.empty() || file.main[0] >= answer.earned.size()) return "";
  const double value = answer.earned[file.main[0]];
  return std::isfinite(value) ? fmt::format("{:.2f}", value) : "";
}

// By the names of all runs of the report: data-scores="12.5||100".
std::string scores_by_name(const Case& one, const std::vector<std::string>& names) {
  std::string out;
  for (std::size_t n = 0; n < names.size(); ++n) {
    if (n > 0) out += "|";
    for (std::size_t r = 0; r < one.runs.size(); ++r)
      if (one.runs[r] != nullptr && one.task.runs[r].name == names[n])
        out += main_score(one.task.runs[r].file, one.runs[r]->answer);
  }
  return out;
}

std::string part(const char* style, const std::string& term, const std::string& text) {
  return fmt::format("<div class=\"{}\"><dt>{}</dt><dd>{}</dd></div>\n", style, term, text);
}

// Types as a list: the words of Nr3D's are types of their own.
std::string types_of(const ScoredQuestion& question) {
  std::string out = question.type;
  std::replace(out.begin(), out.end(), ' ', '|');
  return out;
}

std::string article(const Case& one, const CaseOptions& options, const std::string& shown,
                    const ShownScene* scene) {
  const ScoredQuestion& q = one.question;
  std::string meta = one.task.title + " \u00b7 question " + q.id;
  if (!q.scene.empty()) meta += " \u00b7 " + q.scene;
  if (!q.type.empty()) meta += " \u00b7 " + q.type;
  std::string out = fmt::format(
      "<article class=\"case\" data-task=\"{}\" data-type=\"{}\" data-scores=\"{}\">\n"
      "<h3 dir=\"auto\">{}</h3>\n<p class=\"muted\"><bdi>{}</bdi></p>\n{}<dl>\n",
      html_text(one.task.task), html_text(types_of(q)), scores_by_name(one, options.names),
      html_text(question_words(q, one.task.task)), html_text(meta), shown);
  out += part("true", "What is right",
              "<bdi>" + html_text(truth_words(q, one.task.task, scene)) + "</bdi>");
  for (std::size_t r = 0; r < one.runs.size(); ++r) {
    if (one.runs[r] == nullptr) continue;
    const ScoredAnswer& answer = one.runs[r]->answer;
    const std::size_t place = name_place(one, r, options);
    out += part(place == 0   ? "a"
                : place == 1 ? "b"
                             : "more",
                "<bdi>" + html_text(one.task.runs[r].name) + "</bdi>",
                "<bdi>" + html_text(answer_words(answer, one.task.task, scene)) + "</bdi><br>" +
                    earned(one.task.runs[r].file, answer));
  }
  return out + "</dl>\n</article>\n";
}

}  // namespace

std::vector<std::size_t> report_cases(const ScoredFile& file, std::int64_t count) {
  std::vector<std::size_t> all;
  for (const ShownCase& one : chosen_cases(file, {})) all.push_back(one.question);
  const auto wanted = static_cast<std::size_t>(count);
  if (count == 0 || all.size() <= wanted) return all;
  const std::size_t worst = (wanted + 1) / 2;
  std::vector<std::size_t> out(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(worst));
  if (wanted == worst) return out;
  const auto rest = static_cast<std::int64_t>(all.size() - worst);
  for (const std::size_t i : uniform_indices(rest, count - static_cast<std::int64_t>(worst)))
    out.push_back(all[worst + i]);
  return out;
}

std::string case_articles(const ReportTask& task, const CaseOptions& options, SceneCache* scenes,
                          CaseCounts& counts) {
  const ReportRun* first = task.with_questions();
  if (first == nullptr) return {};
  for (const auto& broken : first->file.broken) {
    log_error("{}: question '{}': {}", first->path, visible(broken.id), broken.why);
    ++counts.failed;
  }
  std::vector<std::unordered_map<std::string, const ScoredQuestion*>> by_id(task.runs.size());
  for (std::size_t r = 0; r < task.runs.size(); ++r)
    for (const ScoredQuestion& question : task.runs[r].file.questions)
      by_id[r].emplace(question.id, &question);
  std::string out;
  for (const std::size_t place : report_cases(first->file, options.count)) {
    check_stop();
    Case one{task, first->file.questions[place], {}};
    for (const auto& run : by_id) {
      const auto at = run.find(one.question.id);
      one.runs.push_back(at == run.end() ? nullptr : at->second);
    }
    std::string shown;
    const ShownScene* scene = nullptr;
    if (scenes != nullptr) {
      try {
        scene = &scenes->of(one.question.scene);
        shown = pictures(one, options, *scene);
        if (std::find(counts.scenes.begin(), counts.scenes.end(), one.question.scene) ==
            counts.scenes.end())
          counts.scenes.push_back(one.question.scene);
      } catch (const InputError& error) {
        log_error("{} question '{}': {}", task.title, visible(one.question.id), error.what());
        shown = "<p class=\"muted\">No pictures: " + html_text(error.what()) + "</p>\n";
        ++counts.failed;
      }
    }
    out += article(one, options, shown, scene);
    ++counts.cases;
    if (options.progress != nullptr) options.progress->add();
  }
  return out;
}

std::string case_key(const std::vector<std::string>& names) {
  const auto sample = [](BoxOf of, const std::string& text) {
    const Pen pen = box_pen(of);
    std::string dashes;
    for (const double d : pen.dashes) dashes += fmt::format("{}{}", dashes.empty() ? "" : " ", d);
    return fmt::format(
        "<li><svg viewBox=\"0 0 46 10\" aria-hidden=\"true\"><line x1=\"0\" y1=\"5\" x2=\"46\" "
        "y2=\"5\" stroke=\"#{:02x}{:02x}{:02x}\" stroke-width=\"{}\"{}/></svg>{}</li>\n",
        pen.color.r, pen.color.g, pen.color.b, pen.width,
        dashes.empty() ? "" : " stroke-dasharray=\"" + dashes + "\"", text);
  };
  std::string out = "<ul class=\"key\">\n" + sample(BoxOf::kTruth, "true box: solid green");
  const bool two = names.size() > 1;
  const std::string first = names.empty() ? "answer" : "<bdi>" + html_text(names[0]) + "</bdi>";
  out += sample(BoxOf::kAnswer, first + (two ? " (A)" : "") + ": dashed orange");
  if (two)
    out += sample(BoxOf::kAgainst, "<bdi>" + html_text(names[1]) + "</bdi> (B): dotted blue");
  return out + "</ul>\n";
}

std::string case_filters(const std::vector<ReportTask>& tasks,
                         const std::vector<std::string>& names) {
  std::map<std::string, std::set<std::string>> tasks_of_type;
  std::string task_options = "<option value=\"\">all tasks</option>";
  for (const ReportTask& task : tasks) {
    const ReportRun* first = task.with_questions();
    if (first == nullptr) continue;
    task_options += fmt::format("<option value=\"{}\">{}</option>", html_text(task.task),
                                html_text(task.title));
    for (const ScoredQuestion& question : first->file.questions) {
      std::string types = types_of(question);
      for (std::size_t from = 0; !types.empty() && from <= types.size();) {
        const std::size_t end = std::min(types.find('|', from), types.size());
        if (end > from) tasks_of_type[types.substr(from, end - from)].insert(task.task);
        from = end + 1;
      }
    }
  }
  std::string type_options = "<option value=\"\">all types</option>", run_options;
  for (const auto& [type, of] : tasks_of_type) {
    std::string list;
    for (const std::string& task : of) list += (list.empty() ? "" : "|") + task;
    type_options += fmt::format("<option value=\"{0}\" data-tasks=\"{1}\">{0}</option>",
                                html_text(type), html_text(list));
  }
  for (std::size_t n = 0; n < names.size(); ++n)
    run_options += fmt::format("<option value=\"{}\">{}</option>", n, html_text(names[n]));
  std::string sorts =
      "<option value=\"\">by task</option><option value=\"low\">lowest score first</option>"
      "<option value=\"high\">highest score first</option>";
  if (names.size() > 1)
    sorts += fmt::format(
        "<option value=\"gain\">gain of {0} over {1} first</option>"
        "<option value=\"loss\">loss of {0} against {1} first</option>",
        html_text(names[1]), html_text(names[0]));
  std::string out = "<form id=\"filters\" aria-label=\"Filter and sort the cases\" hidden>\n";
  const auto select = [&](const char* name, const char* label, const std::string& options) {
    out += fmt::format("<label>{}<select name=\"{}\">{}</select></label>\n", label, name, options);
  };
  select("task", "Task", task_options);
  select("type", "Type of question", type_options);
  if (names.size() > 1) select("run", "Score of", run_options);
  out +=
      "<label>Main metric from, %<input name=\"low\" type=\"number\" inputmode=\"decimal\" "
      "step=\"any\">"
      "</label>\n<label>Main metric to, %<input name=\"high\" type=\"number\" "
      "inputmode=\"decimal\" "
      "step=\"any\"></label>\n";
  select("sort", "Order", sorts);
  out +=
      "<label>Words<input name=\"words\" type=\"search\" autocomplete=\"off\"></label>\n"
      "<button type=\"reset\">Show all</button>\n</form>\n";
  return out;
}

}  // namespace vega::evaluate
