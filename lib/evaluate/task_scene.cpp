#include "evaluate/task_scene.h"

#include <ATen/Parallel.h>
#include <fmt/core.h>

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "base/log.h"
#include "base/stop.h"
#include "base/text.h"
#include "core/device.h"
#include "core/dtype.h"
#include "models/qwen2/decoder.h"
#include "vlm/prediction.h"

namespace vega::evaluate {
namespace fs = std::filesystem;
namespace {

using tasks::Sample;

std::string id_range(const std::vector<std::int32_t>& ids) {
  if (ids.empty()) return "no objects";
  const auto [least, most] = std::ranges::minmax(ids);
  return fmt::format("{} objects, ids {} to {}", ids.size(), least, most);
}

}  // namespace

void TaskSession::show(const std::string& scene) {
  const double seconds = std::max(1e-9, seconds_since(start));
  const auto memory = device_memory(setup.device);
  std::string text = fmt::format("{} {}", setup.task_name(), scene);
  if (tokens > 0) text += fmt::format("  {:.1f} tokens/s", static_cast<double>(tokens) / seconds);
  progress.label(text + "  peak " + bytes_text(static_cast<double>(memory.peak)));
}

double TaskSession::load_model() {
  if (model) return 0;
  const auto begun = Clock::now();
  const AnswerVerb& o = setup.options;
  at::set_num_threads(o.workers());
  if (setup.checkpoint.modules.initial_values)
    log_warn("{} was never trained: its answers mean nothing", o.checkpoint);
  try {
    model = std::make_unique<vlm::Vlm>(
        setup.checkpoint, vlm::VlmOptions{{setup.device, scalar_type(setup.type)}, setup.switches});
  } catch (const InputError& error) {
    throw ModelError(error.what());  // no scene's own
  }
  for (const std::string& note : setup.config.notes) log_info("{}", note);
  log_info("{}; {}", vlm::name_of(model->checkpoint().family), setup.config.describe());
  start = Clock::now();
  return seconds_since(begun);
}

SceneWork::SceneWork(const ScenePlan& plan, TaskSession& session)
    : plan_(plan), session_(session) {}

// On another thread: files that are there are read. Others are made by compute(), when the device
// is free.
void SceneWork::prepare() {
  if (plan_.left.empty() ||
      std::ranges::none_of(plan_.left, [](const Sample* sample) { return !sample->no_proposal; }))
    return;
  try {
    const ScanInputs inputs = session_.setup.inputs_of(plan_.scene);
    if (files_are_there(inputs, session_.setup.needed)) read();
  } catch (const ModelError&) {
    throw;
  } catch (const InputError& error) {
    error_ = error.what();
  }
}

void SceneWork::read() {
  const ScanInputs inputs = session_.setup.inputs_of(plan_.scene);
  Context quiet = session_.context;
  quiet.progress = ProgressMode::kOff;
  const ScanFiles found(inputs, session_.setup.needed, session_.make, quiet);
  const OpenFiles open(found.paths(), session_.setup.choice());
  input_ = vlm::read_scene(session_.setup.checkpoint, open.files, session_.setup.switches);
  if (open.scene && open.scene->has_objects(session_.setup.objects))
    proposal_source_ = open.scene->objects(session_.setup.objects).source;
  annotated_ = open.scene && open.scene->has_objects(ObjectKind::kGt);
  session_.log.note_inputs(plan_.scene, open.cache_keys(), input_->mismatch);
}

void SceneWork::read_or_make() {
  if (input_) return;
  read();
  // Extraction leaves one thread an operation behind it.
  at::set_num_threads(session_.setup.options.workers());
}

void SceneWork::compute() {
  if (session_.failed && session_.setup.options.task.run.fail_fast) return;
  session_.show(plan_.scene);
  last_ = Clock::now();
  std::vector<const Sample*> asked;
  for (const Sample* sample : plan_.left) {
    if (sample->no_proposal) {  // a missed object: the empty caption
      write(*sample, {}, {.empty = true});
      continue;
    }
    asked.push_back(sample);
  }
  if (asked.empty()) return;
  if (!error_.empty()) return fail_all(asked, error_);
  try {
    read_or_make();
    load_s_ = session_.load_model();
    scene_ = session_.model->see(std::move(*input_));
  } catch (const ModelError&) {
    throw;
  } catch (const InputError& error) {
    return fail_all(asked, error.what());
  }
  last_ = Clock::now();
  if (const std::string lack = lack_of_objects(); !lack.empty()) return fail_all(asked, lack);
  say_once();
  std::erase_if(asked, [this](const Sample* sample) { return !can_ask(*sample); });
  ask(std::move(asked));
  scene_.reset();
}

// Returns why grounding has no objects to choose from; empty: it has some, or the task is another.
std::string SceneWork::lack_of_objects() const {
  const vlm::SceneInput& in = scene_->input();
  const tasks::Task task = session_.setup.task;
  if (!tasks::is_grounding(task) || in.has_objects()) return "";
  const bool gt = session_.setup.objects == ObjectKind::kGt;
  return explain("scene " + plan_.scene,
                 "no objects" + (in.no_objects.empty() ? "" : ": " + in.no_objects),
                 gt ? "annotated ones, from which " +
                          std::string(name_in<tasks::Task>(tasks::kTasks, task)) + " chooses"
                    : "proposals to choose from",
                 gt ? "--objects proposal chooses among those of a detector"
                    : "vega-extract scene --masks FILE or --boxes FILE");
}

// Whether the scene's objects allow the question; one that they do not allow fails before anything
// is computed.
bool SceneWork::can_ask(const Sample& sample) {
  const vlm::SceneInput& in = scene_->input();
  if (sample.task == tasks::Task::kScan2Cap && !sample.box_input) {
    fail(sample, explain("box_input", "nothing", "the box of the object, or null"));
    return false;
  }
  if (!tasks::is_grounding(sample.task)) return true;
  const bool gt = session_.setup.objects == ObjectKind::kGt;
  if (!gt || !sample.has_truth) return true;
  for (const std::string& id : sample.object_ids) {
    const auto number = parse_whole(id);
    if (!number || std::ranges::find(in.object_ids, *number) != in.object_ids.end()) continue;
    fail(sample, explain("object " + id + " of scene " + plan_.scene, "no such object",
                         id_range(in.object_ids),
                         "was the scene annotated with another version of the segmentation?"));
    return false;
  }
  return true;
}

void SceneWork::say_once() {
  if (!tasks::is_grounding(session_.setup.task) || scene_->input().boxes.empty()) return;
  if (session_.setup.objects != ObjectKind::kProposal) return;
  if (proposal_source_ == "annotation" && !session_.said_annotation) {
    session_.said_annotation = true;
    log_warn("{}: no proposals of a detector: answers choose from the annotated objects",
             plan_.scene);
  }
  if (!annotated_ && !session_.said_unannotated) {
    session_.said_unannotated = true;
    log_info("{}: no annotated objects (a test split): answers choose from proposals alone",
             plan_.scene);
  }
}

// Asks all questions in one batch; where the device's memory does not suffice, the rest in smaller
// ones.
void SceneWork::ask(std::vector<const Sample*> samples) {
  while (!samples.empty()) {
    std::vector<vlm::Ask> asks;
    for (const Sample* sample : samples) asks.push_back(vlm::ask_of(*sample));
    std::vector<bool> ended(samples.size());
    const auto on_failure = [&](std::size_t i, const std::exception& error) {
      ended[i] = true;
      fail(*samples[i], error.what());
    };
    try {
      if (tasks::is_grounding(session_.setup.task)) {
        const auto on_found = [&](std::size_t i, vlm::Grounding&& found) {
          ended[i] = true;
          const auto& ids = scene_->input().object_ids;
          const tasks::Prediction prediction =
              vlm::prediction_of(scene_->input(), found, session_.setup.switches.geometry);
          write(*samples[i], prediction,
                {.objects = {ids.begin(), ids.end()},
                 .scores = std::move(found.scores),
                 .none = found.none});
        };
        vlm::ground_all(*session_.model, *scene_, asks, session_.batch, on_found, on_failure);
      } else {
        const auto on_reply = [&](std::size_t i, vlm::Reply&& reply) {
          ended[i] = true;
          AnswerNote note;
          note.tokens = std::ssize(reply.answer.ids);
          note.cut = reply.answer.ending == qwen2::Ending::kLimit;
          note.empty = reply.text.empty();
          note.unreadable = reply.text.find("\xef\xbf\xbd") != std::string::npos;
          write(*samples[i], {.text = std::move(reply.text)}, std::move(note));
        };
        vlm::answer_all(*session_.model, *scene_, asks, session_.setup.config, session_.batch,
                        on_reply, on_failure);
      }
      return;
    } catch (const DeviceMemoryError& error) {
      const std::int64_t rows = session_.batch.rows > 0 ? session_.batch.rows : vlm::kMostRows;
      if (rows == 1) throw;
      session_.batch.rows = rows / 2;
      log_warn("{}: {}; going on with --batch {}", plan_.scene, error.what(), rows / 2);
    } catch (const ModelError&) {
      throw;
    } catch (const InputError& error) {  // of the scene, or of all questions at once
      for (std::size_t i = 0; i < samples.size(); ++i)
        if (!ended[i]) fail(*samples[i], error.what());
      return;
    }
    std::vector<const Sample*> rest;
    for (std::size_t i = 0; i < samples.size(); ++i)
      if (!ended[i]) rest.push_back(samples[i]);
    samples = std::move(rest);
  }
}

void SceneWork::write(const Sample& sample, const tasks::Prediction& prediction, AnswerNote note) {
  Json line;
  try {
    line = tasks::answer_line(sample, prediction, session_.setup.model_id());
  } catch (const InputError& error) {
    return fail(sample, error.what());
  }
  note.id = sample.id_text;
  note.scene = plan_.scene;
  note.seconds = seconds_since(last_);
  session_.log.append(line, note);
  last_ = Clock::now();
  ++answered_;
  ++session_.answered;
  tokens_ += note.tokens;
  session_.tokens += note.tokens;
  session_.show(plan_.scene);
  session_.progress.add();
}

void SceneWork::fail(const Sample& sample, const std::string& error) {
  log_error("{}: question {}: {}", plan_.scene, sample.id_text, error);
  failed_.push_back({sample.id_text, error});
  session_.failed = true;
  session_.progress.add();
}

// The reason is said once, every question is named.
void SceneWork::fail_all(const std::vector<const Sample*>& samples, const std::string& error) {
  std::string ids;
  for (const Sample* sample : samples) {
    ids += (ids.empty() ? "" : ", ") + sample->id_text;
    failed_.push_back({sample->id_text, error});
  }
  log_error("{}: {}", plan_.scene, error);
  log_error("{}: not answered: {}: {}", plan_.scene, plural(samples.size(), "question"), ids);
  error_ = error;
  session_.failed = true;
  session_.progress.add(std::ssize(samples));
}

void SceneWork::describe(ItemReport& report) const {
  report.outcome = !failed_.empty()     ? Outcome::kFailed
                   : plan_.left.empty() ? Outcome::kComplete
                   : answered_ == 0     ? Outcome::kNotStarted
                                        : Outcome::kWritten;
  report.numbers["answered"] = static_cast<double>(answered_);
  report.numbers["answered_before"] = static_cast<double>(plan_.answered);
  report.numbers["tokens"] = static_cast<double>(tokens_);
  if (failed_.empty()) return;
  report.error = !error_.empty() ? error_ : plural(failed_.size(), "question") + " not answered";
  Json questions = Json::list();
  for (const Failed& one : failed_) questions.push({{"id", one.id}, {"error", one.error}});
  report.details = Json{{"failed_questions", questions}}.dump();
}

}  // namespace vega::evaluate
