#include "evaluate/task_setup.h"

#include <fmt/core.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"
#include "core/device.h"
#include "run/provenance.h"

namespace vega::evaluate {
namespace fs = std::filesystem;
namespace {

const AnswerVerb& checked(const AnswerVerb& o) {
  check_model_options(o);
  if (o.out.empty()) throw UsageError(explain("--out", "nothing", "a folder for the answers"));
  if (o.task.overwrite && !o.task.shard.empty())
    throw UsageError(explain("--overwrite", "--shard beside it, also where that is 0/1",
                             "one or the other",
                             "shards share the folder and would remove each other's answers: leave "
                             "--shard out, or remove the folder before the shards start"));
  if (!o.tokens.empty() && !(o.semantic.empty() && o.features.empty()))
    throw UsageError(explain("--tokens", "--semantic or --features beside it", "one or the other"));
  return o;
}

ObjectKind objects_of(const AnswerVerb& o, tasks::Task task) {
  return o.task.objects.value_or(task == tasks::Task::kNr3d ? ObjectKind::kGt
                                                            : ObjectKind::kProposal);
}

std::string digest_of(const fs::path& path) {
  return xxh3_hex(read_text(path, "questions", std::size_t{8} << 30));
}

// {SCENE: {PART: cache_key}} of the scenes whose files are there.
Json input_keys(const TaskSetup& setup, const std::vector<std::string>& scenes) {
  Json out = Json::object();
  for (const std::string& scene : scenes) {
    const ScanInputs in = setup.inputs_of(scene);
    if (!files_are_there(in, setup.needed)) continue;
    try {
      const ScanFiles found(in, setup.needed, {}, {});
      out.add(scene, OpenFiles(found.paths(), setup.choice()).cache_keys());
    } catch (const InputError&) {
      continue;  // said when the scene's turn comes
    }
  }
  return out;
}

}  // namespace

TaskSetup::TaskSetup(const AnswerVerb& o)
    : options(checked(o)),
      task(choice_of<tasks::Task>(tasks::kScanTasks, "TASK", o.inputs.at(0))),
      shard(parse_shard(o.task.shard)),
      device(use_device(parse_device(o.device.device))),
      type(o.device.dtype.value_or(device.is_cuda() ? DType::kBF16 : DType::kF32)),
      checkpoint(
          vlm::open_checkpoint(o.checkpoint, {.base = o.base, .tokenizer = {}, .merged = type})),
      config(with_options(qwen2::benchmark_generation(checkpoint.generation_folder), o)),
      switches(chosen_switches(o.compat, text::Control::kTokens)),
      questions(tasks::read_samples(o.inputs.at(1), task)),
      inputs(scan_inputs(o, checkpoint)),
      objects(objects_of(o, task)) {
  static_cast<void>(checkpoint.words());  // throws where there is no tokeniser
  const bool grounding = tasks::is_grounding(task);
  if (grounding && !checkpoint.config.ground)
    throw InputError(explain(o.checkpoint, "a checkpoint without grounding head",
                             "ground_head_type in config.json and its tensors, for " + task_name(),
                             "take a VEGA-3D or Video-3D-LLM checkpoint"));
  needed = needed_parts(checkpoint, inputs);
  if (needed.semantic && o.semantic.empty() && o.task.scans.empty() && o.tokens.empty())
    throw UsageError(explain("--semantic", "nothing", "the folder of the scenes' features",
                             "or --tokens DIR, or --scans DIR, from which they are made"));
  if (grounding && !needed.scene) needed.why_scene = "the objects to choose from";
  needed.scene |= grounding;
}

std::string TaskSetup::task_name() const {
  return std::string(name_in<tasks::Task>(tasks::kScanTasks, task));
}

std::string TaskSetup::model_id() const {
  fs::path path = fs::absolute(options.checkpoint).lexically_normal();
  if (path.filename().empty()) path = path.parent_path();
  const std::string name = path.filename().string();
  if (!name.starts_with("checkpoint-")) return name;
  return path.parent_path().filename().string() + "_" + name;
}

ScanInputs TaskSetup::inputs_of(const std::string& scene) const {
  ScanInputs out = inputs;
  out.key = scene;
  const fs::path scan = fs::path(options.task.scans) / scene;
  out.by_key = options.task.scans.empty() || !fs::exists(scan);
  out.scene = out.by_key ? scene : scan.string();
  return out;
}

Json TaskSetup::run(const std::vector<std::string>& scenes) const {
  const fs::path file = options.inputs.at(1);
  Json made = Json::object();
  for (const auto& [name, value] : provenance({{"questions", fs::absolute(file).string()}}))
    made.add(name, value);
  Json run{{"schema", "vega.answers/1"},
           {"task", task_name()},
           {"model_id", model_id()},
           {"checkpoint", checkpoint.path.string()},
           {"checkpoint_fingerprint", checkpoint.fingerprint()},
           {"family", vlm::name_of(checkpoint.family)},
           {"switches", vlm::to_json(switches)},
           {"generation", config.describe()},
           {"device", device.is_cuda() ? "cuda" : "cpu"},
           {"dtype", vega::name_of(type)},
           {"tap", options.tap},
           {"objects", objects == ObjectKind::kGt ? "gt" : "proposal"},
           {"allow_mismatch", options.allow_mismatch},
           {"questions", {{"digest", digest_of(file)}, {"count", questions.samples.size()}}},
           {"inputs", input_keys(*this, scenes)},
           {"provenance", made}};
  if (checkpoint.modules.initial_values) run.set("untrained", true);
  return run;
}

}  // namespace vega::evaluate
