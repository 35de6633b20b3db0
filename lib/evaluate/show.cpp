#include "evaluate/show.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <set>

#include "base/error.h"
#include "base/log.h"
#include "base/printable.h"
#include "base/progress.h"
#include "base/publish.h"
#include "base/stop.h"
#include "base/text.h"
#include "evaluate/scene_cache.h"
#include "evaluate/show_mesh.h"
#include "evaluate/show_page.h"
#include "media/decode.h"
#include "media/png.h"
#include "run/output_names.h"
#include "tasks/pictures.h"

namespace vega::evaluate {
namespace fs = std::filesystem;
namespace {

constexpr auto kShowHelp =
    R"(Draws a picture a question: what was asked, the frames that see the object best with the true and the predicted box
in perspective, the room from above, the answers and what they earned as vega-eval score counts it. Pictures come from
the scene files; where these hold none, frames show depth. File names have rank, score and id. Of cvbench and blink:
the pictures of the question, below --images, with the question, what is right, the answer and the score.

Examples:
  vega-eval show scanrefer --answers answers/scanrefer --gt ScanRefer_filtered_val.json --scenes scenes -o worst
  vega-eval show sqa3d --answers ours.jsonl --against theirs.jsonl --gt v1_balanced_sqa_annotations_test_scannetv2.json \
      --questions v1_balanced_questions_test_scannetv2.json --scenes scenes --type which --count 50 -o gains
  vega-eval show scanrefer --answers ours.jsonl --scenes scenes --ids 17 -o one --boxes one/boxes.ply
  vega-eval show cvbench --answers answers/cvbench --gt cvbench.json --images CV-Bench -o worst

See also: vega-eval score, vega-eval report, vega-extract scene; docs/report.md)";

// The names in lists "a,b", without blanks around them; empty ones are left out.
std::vector<std::string> names_in_lists(const std::vector<std::string>& lists) {
  std::vector<std::string> out;
  for (const std::string& list : lists)
    for (const std::string& one : comma_parts(list))
      if (const auto name = trim(one); !name.empty()) out.emplace_back(name);
  return out;
}

bool is_about_pictures(const std::string& name) {
  const auto found = std::ranges::find(tasks::kTasks, name, &Choice<tasks::Task>::name);
  return found != std::end(tasks::kTasks) && tasks::is_about_pictures(found->value);
}

// The pictures that a question is about, by the names that stand for its scene ("a.png, b.png").
std::vector<std::pair<std::string, ImageU8>> pictures_of(const std::string& names,
                                                         const fs::path& folder) {
  std::vector<std::pair<std::string, ImageU8>> out;
  for (const std::string& part : comma_parts(names)) {
    const std::string name(trim(part));
    if (name.empty() || !tasks::is_picture_name(name))
      throw InputError(explain("pictures", printable(names, 80), "names below --images",
                               "give --gt FILE: the file of questions names them"));
    const fs::path path = folder / name;
    if (!fs::is_regular_file(path))
      throw InputError(explain(path.string(), "no such file", "a picture of the question",
                               "unpack the pictures below --images"));
    out.emplace_back(name, decode_image(read_file(path), path.string()));
  }
  return out;
}

tasks::ScoredSources sources_of(const ShowVerb& o) {
  if (o.inputs.size() != 1)
    throw UsageError(explain("show", plural(o.inputs.size(), "input"), "one, the task"));
  const bool pictures = is_about_pictures(o.inputs[0]);
  for (const auto& [option, value] :
       {std::pair{"--answers", &o.answers},
        pictures ? std::pair{"--images", &o.images} : std::pair{"--scenes", &o.sources.scenes},
        {"--out", &o.out}})
    if (value->empty()) throw UsageError(explain(option, "nothing", "a path"));
  for (const auto& [option, value] :
       {std::pair{"--boxes", &o.boxes},
        pictures ? std::pair{"--scenes", &o.sources.scenes} : std::pair{"--images", &o.images}})
    if (!value->empty() && (pictures || value == &o.images))
      throw UsageError(explain(option, *value,
                               pictures
                                   ? "a task about rooms: cvbench and blink have pictures alone"
                                   : "cvbench or blink, whose questions are about pictures"));
  tasks::ScoredSources out = o.sources;
  out.task = o.inputs[0];
  out.answers = o.answers;
  out.against = o.against;
  return out;
}

// Questions that could not be put together, of those that are asked for.
int report_broken(const tasks::ScoredFile& file, const std::vector<std::string>& ids) {
  int failed = 0;
  for (const auto& broken : file.broken) {
    if (!ids.empty() && std::find(ids.begin(), ids.end(), broken.id) == ids.end()) continue;
    log_error("question '{}': {}", visible(broken.id), broken.why);
    ++failed;
  }
  return failed;
}

void require_questions(const tasks::ScoredFile& file, const std::string& answers) {
  if (!file.questions.empty()) return;
  if (!file.no_cases.empty()) throw InputError(file.no_cases);
  if (file.broken.empty())
    throw InputError(explain(answers, "no question", "answers.jsonl, or a folder that holds it"));
}

// Pictures of an earlier run have ranks of their own.
void warn_of_others(const fs::path& folder, const std::set<fs::path>& written) {
  std::size_t others = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder))
    others += entry.path().extension() == ".png" && !written.contains(entry.path().filename());
  if (others > 0)
    log_warn("{} holds {} that this run did not draw; ranks are those of each run", folder.string(),
             plural(others, "picture"));
}

std::string file_name(const ShownCase& shown, const std::string& id, std::size_t rank,
                      std::size_t of) {
  const int digits = static_cast<int>(std::to_string(of).size());
  return fmt::format("{:0{}}-{}{}{}.png", rank, digits, name_part(shown.value),
                     shown.value.empty() ? "" : "-", name_part(id));
}

}  // namespace

void ShowVerb::visit(OptionVisitor& v) {
  v.inputs(inputs, "TASK",
           "scanrefer, multi3drefer, scan2cap, scanqa, sqa3d, nr3d, vsi, cvbench or blink");
  v.text("--answers", answers, "FILE", "answers, as of vega-eval score; or their folder");
  v.text("--against", against, "FILE", "answers of another system, B, to the same questions");
  v.text("--scenes", sources.scenes, "DIR", "scene files DIR/KEY.h5 of vega-extract scene");
  v.text("--images", images, "DIR",
         "of cvbench and blink: the folder in which the names of pictures begin");
  v.group("Which questions");
  v.choice("--sort", order, kCaseOrders, "(default: gain with --against, else loss)");
  v.text("--metric", metric, "NAME",
         "what --sort goes by, such as Acc@0.5 (default: the main one of the task)");
  v.texts("--ids", ids, "ID,...", "only these; may be given several times");
  v.texts("--type", types, "NAME,...", "only questions of these types");
  v.integer("--count", count, "N", {0}, "at most so many; 0: all");
  v.group("What is right");
  v.text(
      "--gt", sources.gt, "FILE",
      "annotation file, original or processed, as of vega-eval score; else what the lines state");
  sources.visit(v);
  v.group("Output");
  v.text("-o,--out", out, "DIR", "folder of the pictures RANK-SCORE-ID.png");
  v.integer("--frames", frames, "N", {1, 12}, "frames a question");
  v.text(
      "--boxes", boxes, "FILE",
      "the boxes too: .json, or .ply for a mesh viewer, in the scan's own and the aligned frame");
  RunOptions::visit_threads(v, sources.threads);
}

int run_show(const ShowVerb& options, const tasks::ReadScored& read, const Context& context) {
  const tasks::ScoredSources sources = sources_of(options);
  BoxFile box_file(options.boxes);
  refuse_inputs_as_outputs({options.boxes},
                           {sources.answers, sources.against, sources.gt, sources.questions,
                            sources.gt_boxes, sources.labels, sources.scans});
  const tasks::ScoredFile file = read(sources);
  for (const std::string& note : file.notes) log_info("{}", note);
  require_questions(file, options.answers);
  CaseChoice choice;
  choice.order =
      options.order.value_or(options.against.empty() ? CaseOrder::kLoss : CaseOrder::kGain);
  choice.metric = options.metric;
  choice.ids = names_in_lists(options.ids);
  choice.types = names_in_lists(options.types);
  choice.count = options.count;
  const std::vector<ShownCase> cases = chosen_cases(file, choice);
  int failed = report_broken(file, choice.ids);
  make_folder(options.out);
  const bool pictures = is_about_pictures(sources.task);
  SceneCache scenes(sources.scenes);
  const std::string untrained = file.untrained() ? "never trained: " : "";
  if (!untrained.empty()) log_warn("{} is of a model that was never trained", options.answers);
  const SystemNames names{options.answers, options.against};
  std::set<fs::path> written;
  Progress progress("show", "pictures", std::ssize(cases), context.progress);
  for (std::size_t i = 0; i < cases.size(); ++i) {
    check_stop();
    const tasks::ScoredQuestion& question = file.questions[cases[i].question];
    try {
      const std::string type = question.type.empty() ? "" : " (" + question.type + ")";
      const CaseText text{fmt::format("{}{} {}, question {} of {}{}", untrained, file.title,
                                      file.split, printable(question.id, 80), question.scene, type),
                          fmt::format("{} of {}{}", i + 1, cases.size(),
                                      cases[i].value.empty() ? "" : ", " + cases[i].value)};
      const ShownScene* scene = pictures ? nullptr : &scenes.of(question.scene);
      const ImageU8 page = pictures ? picture_page(file, question, text, names,
                                                   pictures_of(question.scene, options.images))
                                    : case_page(file, question, text, names, *scene,
                                                static_cast<std::size_t>(options.frames));
      const fs::path path =
          fs::path(options.out) / file_name(cases[i], question.id, i + 1, cases.size());
      publish_file(path, encode_png(page));
      context.manifest(printable(question.id), path.string());
      written.insert(path.filename());
      if (scene != nullptr)
        box_file.add(question.id, question.scene, case_boxes(question, *scene),
                     scene->aligned_from_scan());
    } catch (const InputError& error) {
      log_error("question '{}': {}", visible(question.id), error.what());
      ++failed;
    }
    progress.add();
  }
  box_file.write();
  warn_of_others(options.out, written);
  log_info("{} of {} shown, {} failed", written.size(), plural(file.questions.size(), "question"),
           failed);
  return failed > 0 ? 4 : 0;
}

Verb show_verb(tasks::ReadScored read) {
  const auto options = std::make_shared<ShowVerb>();
  return {"show", "a picture a question: frames with boxes, room from above, answers, score",
          kShowHelp, [options](OptionVisitor& v) { options->visit(v); },
          [options, read](const Context& context) { return run_show(*options, read, context); }};
}

}  // namespace vega::evaluate
