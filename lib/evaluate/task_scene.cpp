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

double SceneSession::load_model() {
  if (model) return 0;
  return task.load_model([this] {
    if (setup.checkpoint.modules.initial_values)
      log_warn("{} was never trained: its answers mean nothing", setup.options.checkpoint);
    model = std::make_unique<vlm::Vlm>(
        setup.checkpoint, vlm::VlmOptions{{setup.device, scalar_type(setup.type)}, setup.switches});
    log_info("{}; {}", vlm::name_of(model->checkpoint().family), setup.config.describe());
  });
}

SceneWork::SceneWork(const ScenePlan& plan, SceneSession& session)
    : AnswerWork(plan, session.task), session_(session) {}

// On another thread: files that are there are read. Others are made by compute(), when the device
// is free.
void SceneWork::prepare() {
  if (!plan_.needs_files()) return;
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
  Context quiet = session_.setup.context;
  quiet.progress = ProgressMode::kOff;
  const ScanFiles found(inputs, session_.setup.needed, session_.setup.make, quiet);
  const OpenFiles open(found.paths(), session_.setup.choice());
  input_ = vlm::read_scene(session_.setup.checkpoint, open.files, session_.setup.switches);
  if (open.scene && open.scene->has_objects(session_.setup.objects))
    proposal_source_ = open.scene->objects(session_.setup.objects).source;
  annotated_ = open.scene && open.scene->has_objects(ObjectKind::kGt);
  session_.task.log.note_inputs(plan_.scene, open.cache_keys(), input_->mismatch);
}

void SceneWork::read_or_make() {
  if (input_) return;
  read();
  // Extraction leaves one thread an operation behind it.
  at::set_num_threads(session_.setup.options.workers());
}

void SceneWork::compute() {
  if (session_.task.failed && session_.setup.options.task.run.fail_fast) return;
  session_.task.show(plan_.scene);
  last_ = Clock::now();
  Samples left = asked();
  if (left.empty()) return;
  if (!error_.empty()) return fail_all(left, error_);
  try {
    read_or_make();
    load_s_ = session_.load_model();
    scene_ = session_.model->see(std::move(*input_));
  } catch (const ModelError&) {
    throw;
  } catch (const InputError& error) {
    return fail_all(left, error.what());
  }
  last_ = Clock::now();
  if (const std::string lack = lack_of_objects(); !lack.empty()) return fail_all(left, lack);
  say_once();
  std::erase_if(left, [this](const Sample* sample) { return !can_ask(*sample); });
  ask(std::move(left));
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

void SceneWork::ask_once(const Samples& samples, const OnEnd& on_end,
                         const vlm::OnFailure& on_failure) {
  std::vector<vlm::Ask> asks;
  for (const Sample* sample : samples) asks.push_back(vlm::ask_of(*sample));
  const vlm::BatchOptions& batch = session_.task.batch;
  if (tasks::is_grounding(session_.setup.task)) {
    const auto on_found = [&](std::size_t i, vlm::Grounding&& found) {
      on_end(i);
      const auto& ids = scene_->input().object_ids;
      const tasks::Prediction prediction =
          vlm::prediction_of(scene_->input(), found, session_.setup.switches.geometry);
      write(*samples[i], prediction,
            {.objects = {ids.begin(), ids.end()},
             .scores = std::move(found.scores),
             .none = found.none});
    };
    return vlm::ground_all(*session_.model, *scene_, asks, batch, on_found, on_failure);
  }
  const auto on_reply = [&](std::size_t i, vlm::Reply&& reply) {
    on_end(i);
    write_reply(*samples[i], reply, reply.text);
  };
  vlm::answer_all(*session_.model, *scene_, asks, session_.setup.config, batch, on_reply,
                  on_failure);
}

}  // namespace vega::evaluate
