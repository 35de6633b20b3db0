#include <map>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/publish.h"
#include "base/text.h"
#include "run/output_names.h"
#include "score/prepare.h"
#include "score/prepare_files.h"
#include "tasks/pictures.h"

namespace vega::score {
namespace {

namespace fs = std::filesystem;
using tasks::Task;

constexpr std::size_t kShownLeftOut = 20, kShownIds = 8;

constexpr auto kPrepareHelp =
    R"(Converts the original annotations of a benchmark to the processed schema of Video-3D-LLM (*_llava_style.json), with
the same content as its converters: what `vega-eval answer TASK` asks and `score`, `validate` compare with. FILE is the
annotation file, SQA3D's two (questions and annotations), or a folder that holds them: of the benchmark, or the `data`
folder of Video-3D-LLM, where boxes, proposals and labels are found too. A question that is broken, names an object that
its scene lacks, or is about a video or picture that is missing is left out and named; exit code 4 then. VSI-Bench,
CV-Bench and BLINK-spatial are read from JSON Lines; their prompts are those of the released evaluation. ScanRefer and
Scan2Cap about frames are the files of the spatial-reasoning release, whose own words are kept.

Examples:
  vega-eval prepare sqa3d sqa_task/balanced -o sqa3d_test.json
  vega-eval prepare scanrefer ScanRefer_filtered_val.json --boxes scannet_val_gt_box.json \
    --labels scannetv2-labels.combined.tsv -o scanrefer_val.json
  vega-eval prepare scan2cap data --split val -o scan2cap_val.json
  vega-eval prepare nr3d nr3d.csv --scans scannetv2_val.txt --scenes scenes -o nr3d_val.json
  vega-eval prepare vsi VSI-Bench/test.jsonl --videos VSI-Bench -o vsi.json
  vega-eval prepare scanrefer-frames scanrefer_val_32frames.json --images media -o scanrefer_frames.json
  vega-eval prepare cvbench CV-Bench/test_2d.jsonl CV-Bench/test_3d.jsonl -o cvbench.json

See also: vega-eval answer, score, validate; docs/benchmark_runs.md, docs/formats.md)";

struct PrepareOptions {
  std::vector<std::string> inputs;
  std::string out, split, boxes, scenes, proposals, labels, scans, videos, images, prompts;
  ReadScene read_scene, read_proposals;

  void visit(OptionVisitor& v) {
    v.inputs(
        inputs, "INPUT...",
        "the task (scanrefer, multi3drefer, scan2cap, scanqa, sqa3d, nr3d, vsi, cvbench, blink, "
        "scanrefer-frames, scan2cap-frames), then its annotation file (SQA3D: two; CV-Bench and "
        "BLINK: all parts), or a folder");
    v.text("-o,--out", out, "FILE", "the processed questions, JSON");
    v.text("--split", split, "NAME",
           "train, val or test; without it the file's name says, and of a folder the split that "
           "is evaluated");
    v.group("Objects and their boxes");
    v.text("--boxes", boxes, "FILE", "boxes of annotated objects: scannet_val_gt_box.json");
    v.text("--proposals", proposals, "FILE",
           "Scan2Cap: boxes of a detector: scannet_val_pred_box.json");
    v.text("--scenes", scenes, "DIR", "both from scene files (KEY.h5), as float32");
    v.text("--labels", labels, "FILE",
           "scannetv2-labels.combined.tsv: tells unique from multiple; needed where ScanRefer's "
           "file has no eval_type");
    v.text("--scans", scans, "FILE", "Nr3D: names of the split's scans, one a line");
    v.group("Videos and pictures");
    v.text("--videos", videos, "DIR",
           "VSI-Bench: the folder that holds scannet/NAME.mp4 and others (default: that of the "
           "file, where it has such folders); a question whose video is missing is left out");
    v.text("--images", images, "DIR",
           "CV-Bench, BLINK, frames: the folder in which names of pictures begin (default: "
           "INPUT's, where "
           "some of them are there); a question whose picture is missing is left out");
    v.group("Texts");
    v.text("--prompts", prompts, "FILE", "other texts of the conversations (vega.prompts/1)");
  }
};

std::optional<Split> asked_split(const PrepareOptions& o) {
  if (o.split.empty()) return std::nullopt;
  return choice_of<Split>(kSplits, "--split", o.split);
}

void take(fs::path& to, const std::string& option, const fs::path& found, const char* name) {
  to = option.empty() ? found : fs::path(option);
  if (option.empty() && !found.empty()) log_info("{} {}", name, found.string());
}

// SQA3D's two files, told apart by their names or else by their order.
void take_pair(PrepareSources& to, const std::vector<fs::path>& files) {
  if (files.size() != 2)
    throw UsageError(explain("prepare sqa3d", plural(files.size(), "file"),
                             "v1_balanced_questions_* and v1_balanced_sqa_annotations_*, or a "
                             "folder that holds both"));
  const bool questions_first =
      files[0].filename().string().find("annotations") == std::string::npos;
  to.questions = files[questions_first ? 0 : 1];
  to.annotations = files[questions_first ? 1 : 0];
}

PrepareSources sources_of(const PrepareOptions& o) {
  if (o.inputs.empty())
    throw UsageError(explain("prepare", "no task", "one of " + listed<Task>(tasks::kTasks, ", ")));
  PrepareSources out;
  out.task = choice_of<Task>(tasks::kTasks, "prepare", o.inputs[0]);
  const std::vector<fs::path> files(o.inputs.begin() + 1, o.inputs.end());
  if (files.empty())
    throw UsageError(explain("prepare " + o.inputs[0], "no annotation file", "one, or a folder"));
  AnnotationFiles found;
  if (files.size() == 1 && fs::is_directory(files[0])) {
    found = find_annotations(out.task, files[0], asked_split(o));
    out.annotations = found.annotations;
    out.more = found.more;
    out.questions = found.questions;
    out.split = found.split;
    if (out.task == Task::kSqa3d && out.questions.empty())
      throw InputError(explain(out.annotations.string(), "no v1_balanced_questions_* beside it",
                               "the questions of the same split"));
  } else {
    if (out.task == Task::kSqa3d) {
      take_pair(out, files);
    } else if (tasks::is_about_pictures(out.task)) {
      out.annotations = files[0];
      out.more.assign(files.begin() + 1, files.end());
    } else {
      if (files.size() != 1)
        throw UsageError(explain("prepare " + o.inputs[0], plural(files.size(), "file"), "one"));
      out.annotations = files[0];
    }
    auto split = asked_split(o);
    if (!split) split = split_in(out.annotations);
    if (!split && out.task == Task::kNr3d) split = Split::kVal;
    if (!split && (out.task == Task::kVsi || out.task == Task::kCvBench)) split = Split::kTest;
    if (!split && out.task == Task::kBlink) split = Split::kVal;
    if (!split)
      throw UsageError(explain(
          "--split", "nothing, and the name of " + out.annotations.string() + " does not say",
          "train, val or test"));
    out.split = *split;
  }
  const bool scanrefer = out.task == Task::kScanRefer || out.task == Task::kScan2Cap;
  out.boxes = {{}, o.scenes, o.read_scene};
  out.proposals = {{},
                   o.scenes,
                   o.read_proposals,
                   "boxes of a detector",
                   "--proposals scannet_val_pred_box.json"};
  const fs::path none;
  take(out.boxes.boxes, o.boxes, has_objects(out.task) && o.scenes.empty() ? found.boxes : none,
       "--boxes");
  take(out.proposals.boxes, o.proposals,
       out.task == Task::kScan2Cap && o.scenes.empty() ? found.proposals : none, "--proposals");
  take(out.labels, o.labels, scanrefer ? found.labels : none, "--labels");
  take(out.scans, o.scans, out.task == Task::kNr3d ? found.scans : none, "--scans");
  take(out.videos, o.videos, out.task == Task::kVsi ? videos_beside(out.annotations) : none,
       "--videos");
  if (tasks::is_about_pictures(out.task) || tasks::is_about_frames(out.task)) {
    out.beside = o.images.empty();
    out.images = o.images;
    if (out.beside) {
      const bool folder = files.size() == 1 && fs::is_directory(files[0]);
      const fs::path parent = out.annotations.parent_path();
      out.images = folder ? files[0] : parent.empty() ? fs::path(".") : parent;
    }
  }
  return out;
}

// Why a question was left out, without its place.
std::string reason_of(const LeftOut& one) {
  return one.why.starts_with(one.place) ? one.why.substr(one.place.size()) : one.why;
}

// The same, behind its place.
std::string placed_reason(const LeftOut& one) {
  return one.why.starts_with(one.place) ? one.why : one.place + ": " + one.why;
}

// Logs the questions that were left out: a line a reason, with the first ones of its questions.
void tell_left_out(const std::vector<LeftOut>& left_out) {
  struct Group {
    std::size_t count = 0;
    std::string ids;
    std::set<std::string> scenes;
  };
  std::map<std::string, Group> groups;
  std::vector<const LeftOut*> firsts;
  for (const LeftOut& one : left_out) {
    Group& group = groups[reason_of(one)];
    if (group.count++ == 0) firsts.push_back(&one);
    if (group.count <= kShownIds) group.ids += (group.count == 1 ? "" : ", ") + one.id;
    group.scenes.insert(one.scene);
  }
  for (std::size_t i = 0; i < firsts.size() && i < kShownLeftOut; ++i) {
    const LeftOut& one = *firsts[i];
    const Group& group = groups.at(reason_of(one));
    std::string question = (group.count > 1 ? "questions " : "question ") + group.ids;
    if (group.count > kShownIds)
      question += " and " + std::to_string(group.count - kShownIds) + " more";
    if (group.scenes.size() > 1)
      question += " of " + plural(group.scenes.size(), "scene");
    else if (!one.scene.empty())
      question += " of " + one.scene;
    log_error("{}: {}", question, placed_reason(one));
  }
  if (firsts.size() > kShownLeftOut)
    log_error("and {} of other reasons", firsts.size() - kShownLeftOut);
}

// A file of which nothing can be asked is one fault, not one a row.
[[noreturn]] void refuse_file(const fs::path& file, const std::vector<LeftOut>& left_out) {
  std::set<std::string> reasons;
  for (const LeftOut& one : left_out) reasons.insert(reason_of(one));
  std::string first = left_out.empty() ? "" : placed_reason(left_out.front());
  if (reasons.size() > 1)
    first += " (and " + plural(reasons.size() - 1, "other reason") + " in its other rows)";
  throw InputError(
      explain(file.string(), "not one question that can be asked", "an annotation file", first));
}

std::string summary_of(const std::vector<tasks::Sample>& samples) {
  std::map<std::string, std::size_t> types;
  std::set<std::string> scenes;
  for (const tasks::Sample& one : samples) {
    ++types[one.question_type];
    if (!tasks::is_about_pictures(one.task))
      scenes.insert(one.scene);
    else
      scenes.insert(one.pictures.begin(), one.pictures.end());
  }
  const bool pictures = !samples.empty() && tasks::is_about_pictures(samples.front().task);
  std::string out = plural(samples.size(), "question") + " of " +
                    plural(scenes.size(), pictures ? "picture" : "scene");
  const char* between = ": ";
  for (const auto& [type, count] : types) {
    if (type.empty()) continue;
    out += between + type + " " + std::to_string(count);
    between = ", ";
  }
  return out;
}

RunResult run_prepare(const PrepareOptions& o, const Context& context) {
  PrepareSources sources = sources_of(o);
  if (o.out.empty()) throw UsageError(explain("--out", "nothing", "a JSON file"));
  std::vector<fs::path> read = {sources.annotations,
                                sources.questions,
                                sources.boxes.boxes,
                                sources.proposals.boxes,
                                sources.labels,
                                sources.scans,
                                o.prompts};
  read.insert(read.end(), sources.more.begin(), sources.more.end());
  refuse_inputs_as_outputs({o.out}, read);
  std::optional<tasks::Prompts> prompts;
  if (!o.prompts.empty()) prompts = tasks::Prompts::read(o.prompts);
  if (prompts) sources.prompts = &*prompts;
  const Prepared prepared = prepare_samples(sources);
  for (const std::string& note : prepared.notes)
    log_info("{}: {}", sources.annotations.string(), note);
  for (const auto& [reason, count] : prepared.dropped)
    log_info("{}: {} {} left out", sources.annotations.string(),
             plural(static_cast<std::size_t>(count), "row"), reason);
  if (prepared.repaired > 0)
    log_warn("{}: {} U+FFFD in place of half a surrogate pair", sources.annotations.string(),
             plural(prepared.repaired, "character"));
  if (prepared.repeated > 0)
    log_warn("{}: {} that say the same as one before: all are asked, as released",
             sources.annotations.string(),
             plural(static_cast<std::size_t>(prepared.repeated), "row"));
  if (prepared.samples.empty()) refuse_file(sources.annotations, prepared.left_out);
  tell_left_out(prepared.left_out);
  publish_output(o.out, tasks::samples_text(prepared.samples));
  if (sources.task == Task::kVsi)
    log_info("{}", sources.videos.empty()
                       ? "videos were not looked for: --videos DIR names their folder"
                       : plural(static_cast<std::size_t>(prepared.videos), "video") + " found in " +
                             sources.videos.string());
  if (tasks::is_about_pictures(sources.task) || tasks::is_about_frames(sources.task))
    log_info("{}", prepared.pictures == 0
                       ? "pictures were not looked for: --images DIR names their folder"
                       : plural(static_cast<std::size_t>(prepared.pictures), "picture") +
                             " found in " + sources.images.string());
  if (prepared.missed > 0)
    log_info("{} without a proposal get the empty caption",
             plural(static_cast<std::size_t>(prepared.missed), "object"));
  if (is_stream(o.out))
    log_info("{}", summary_of(prepared.samples));
  else
    context.print(summary_of(prepared.samples) + "\n");
  if (prepared.left_out.empty()) return {.done = 1};
  log_error("{} left out, see above", plural(prepared.left_out.size(), "question"));
  return {.done = 1, .exit_code = 4};
}

}  // namespace

Verb prepare_verb(ReadScene read_scene, ReadScene read_proposals) {
  const auto options = std::make_shared<PrepareOptions>();
  options->read_scene = std::move(read_scene);
  options->read_proposals = std::move(read_proposals);
  return {"prepare", "convert original annotations of a benchmark to processed questions",
          kPrepareHelp, [options](OptionVisitor& v) { options->visit(v); },
          [options](const Context& context) { return run_prepare(*options, context).exit_code; }};
}

}  // namespace vega::score
