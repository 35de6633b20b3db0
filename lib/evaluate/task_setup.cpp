#include "evaluate/task_setup.h"

#include <fmt/core.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"
#include "core/device.h"
#include "core/dtype.h"
#include "evaluate/answer_inputs.h"
#include "evaluate/profile_flops.h"
#include "evaluate/task_picture_setup.h"
#include "evaluate/task_scene_setup.h"
#include "evaluate/task_video_setup.h"
#include "evaluate/task_walk_setup.h"
#include "models/qwen2/decoder.h"
#include "run/provenance.h"
#include "tasks/pictures.h"
#include "vlm/picture_checkpoint.h"

namespace vega::evaluate {
namespace fs = std::filesystem;
namespace {

constexpr double kPromptTokens = 96;  // of a question with what stands around it, about

const AnswerVerb& checked(const AnswerVerb& o) {
  check_model_options(o);
  if (o.out.empty()) throw UsageError(explain("--out", "nothing", "a folder for the answers"));
  if (o.task.overwrite && !o.task.shard.empty())
    throw UsageError(explain("--overwrite", "--shard beside it, also where that is 0/1",
                             "one or the other",
                             "shards share the folder and would remove each other's answers: leave "
                             "--shard out, or remove the folder before the shards start"));
  return o;
}

std::string digest_of(const fs::path& path) {
  return xxh3_hex(read_text(path, "questions", std::size_t{8} << 30));
}

}  // namespace

ItemReport unanswered(const ScenePlan& scene) {
  ItemReport item;
  item.key = scene.scene;
  item.outcome = scene.left.empty() ? Outcome::kComplete : Outcome::kNotStarted;
  item.numbers["left"] = static_cast<double>(scene.left.size());
  return item;
}

ItemReport TaskOutlook::add_missing(const ScenePlan& scene, const std::string& why) {
  ++missing;
  missing_lines +=
      fmt::format("  {}: {}, {}\n", scene.scene, plural(scene.left.size(), "question"), why);
  ItemReport item = unanswered(scene);
  item.outcome = Outcome::kFailed;
  item.error = why;
  return item;
}

TaskSetup::TaskSetup(const AnswerVerb& o)
    : options(checked(o)),
      task(choice_of<tasks::Task>(tasks::kTasks, "TASK", o.inputs.at(0))),
      shard(parse_shard(o.task.shard)),
      device(use_device(parse_device(o.device.device))),
      type(o.device.dtype.value_or(device.is_cuda() ? DType::kBF16 : DType::kF32)),
      questions(tasks::read_samples(o.inputs.at(1), task)) {}

std::string TaskSetup::task_name() const {
  return std::string(name_in<tasks::Task>(tasks::kTasks, task));
}

std::string TaskSetup::model_id() const {
  fs::path path = fs::absolute(options.checkpoint).lexically_normal();
  if (path.filename().empty()) path = path.parent_path();
  const std::string name = path.filename().string();
  if (!name.starts_with("checkpoint-")) return name;
  return path.parent_path().filename().string() + "_" + name;
}

Json TaskSetup::begin_run(const ModelFacts& model) const {
  return {{"schema", "vega.answers/1"},
          {"task", task_name()},
          {"model_id", model_id()},
          {"checkpoint", model.checkpoint},
          {"checkpoint_fingerprint", model.fingerprint},
          {"family", model.family},
          {"switches", model.switches},
          {"generation", config.describe()},
          {"device", device.is_cuda() ? "cuda" : "cpu"},
          {"dtype", vega::name_of(type)}};
}

void TaskSetup::end_run(Json& run, Json inputs) const {
  const fs::path file = options.inputs.at(1);
  Json made = Json::object();
  for (const auto& [name, value] : provenance({{"questions", fs::absolute(file).string()}}))
    made.add(name, value);
  run.add("questions", {{"digest", digest_of(file)}, {"count", questions.samples.size()}});
  run.add("inputs", std::move(inputs));
  run.add("provenance", std::move(made));
}

std::string TaskSetup::forecast_text(const qwen2::Config& text, double visual,
                                     const TaskPlan& plan) const {
  const at::ScalarType scalars = scalar_type(type);
  const double prefix = decoder_flops(text, 0, visual);
  const double question = decoder_flops(text, visual, kPromptTokens) - prefix;
  const double cache = visual * qwen2::Decoder::token_bytes(text, scalars);
  return fmt::format(
      "forecast: {:.0f} visual tokens a {}, read once ({:.3g} TFLOP), then {:.3g} TFLOP a "
      "question before its answer; {:.3g} TFLOP in all\n"
      "memory: weights of the decoder {}, keys and values of a {} {}\n",
      visual, unit, prefix / 1e12, question / 1e12,
      (prefix * static_cast<double>(plan.scenes_left()) +
       question * static_cast<double>(plan.left)) /
          1e12,
      bytes_text(qwen2::Decoder::weight_bytes(text, scalars)), unit, bytes_text(cache));
}

std::unique_ptr<TaskSetup> make_task_setup(const AnswerVerb& options, const MakeScanPart& make,
                                           const Context& context) {
  check_model_options(options);
  if (vlm::is_picture_model(options.checkpoint)) {
    const auto task = choice_of<tasks::Task>(tasks::kTasks, "TASK", options.inputs.at(0));
    if (tasks::is_about_pictures(task) || tasks::is_about_frames(task))
      return std::make_unique<PictureSetup>(options);
    if (task == tasks::Task::kSqa3d) return std::make_unique<WalkSetup>(options);
    return std::make_unique<VideoSetup>(options);
  }
  return std::make_unique<SceneSetup>(options, make, context);
}

}  // namespace vega::evaluate
