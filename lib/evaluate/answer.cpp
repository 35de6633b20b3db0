#include "evaluate/answer.h"

#include <ATen/Parallel.h>
#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <numeric>
#include <optional>

#include "base/error.h"
#include "base/log.h"
#include "base/publish.h"
#include "core/device.h"
#include "core/dtype.h"
#include "evaluate/answer_frames.h"
#include "evaluate/answer_inputs.h"
#include "evaluate/conversation.h"
#include "evaluate/located.h"
#include "evaluate/scan_files.h"
#include "evaluate/task_run.h"
#include "models/qwen2/generation_config.h"
#include "vlm/picture_checkpoint.h"
#include "vlm/vlm.h"

namespace vega::evaluate {
namespace fs = std::filesystem;
namespace {

constexpr auto kAnswerHelp =
    R"(Asks a multimodal language model about scenes. There are two forms:

  answer SCENE --ask TEXT --locate TEXT   free questions about one scene, and which object a description means
  answer TASK QUESTIONS.json -o DIR       a benchmark: scanrefer, multi3drefer, scan2cap, scanqa, sqa3d, nr3d, vsi,
                                          cvbench or blink

Files of a scene that are there are read (--scenes, --semantic, --features); the others are made from the scan, as far
as their weights are at hand. All questions about a scene share what the model has seen of it. Answers about one scene
are streamed to stdout. Those of a benchmark go to DIR/part-I-of-N.jsonl, the official lines of the benchmark, each on
disk before the next: a run that was stopped or killed goes on where it was, also with another --shard count. What
cannot be answered is named and costs only itself (exit code 4).

Qwen2.5-VL (model_type qwen2_5_vl in config.json) is asked about frames of a scan, a folder or a video, which it reads
itself: nothing is made beforehand. It answers free questions, and of the benchmarks vsi (VSI-Bench), whose videos lie
below --videos, cvbench (CV-Bench) and blink (BLINK-spatial), whose pictures lie below --images; the others and --locate
need a model of the other kind.

Examples:
  vega-eval answer scans/scene0000_00 --checkpoint VEGA-3D --model Wan2.1-T2V-1.3B --ask "What color is the chair?"
  vega-eval answer scene0000_00 --checkpoint VEGA-3D --scenes scenes --semantic features/siglip \
      --features features/wan --locate "the red chair by the window" -o found
  vega-eval answer walk.mp4 --checkpoint LLaVA-Video-7B-Qwen2 --ask "What is on the table?" --work walk-files
  vega-eval answer scanqa scanqa.json --checkpoint VEGA-3D --scenes scenes --semantic features/siglip \
      --features features/wan -o answers/scanqa
  vega-eval answer walk.mp4 --checkpoint Qwen2.5-VL-3B-Instruct --ask "How many chairs are there?"
  vega-eval answer vsi vsi.json --checkpoint Qwen2.5-VL-3B-Instruct --videos VSI-Bench -o answers/vsi
  vega-eval answer cvbench cvbench.json --checkpoint Qwen2.5-VL-3B-Instruct --images CV-Bench -o answers/cvbench

See also: prepare, merge, validate, score; vega-extract features, vega-extract scene; docs/language.md,
docs/qwen2_5_vl.md, docs/benchmark_runs.md)";

void check_options(const AnswerVerb& o) {
  if (o.inputs.size() != 1)
    throw UsageError(explain("answer", std::to_string(o.inputs.size()) + " scenes", "one",
                             "run it once for each scene"));
  if (o.ask.empty() && o.locate.empty())
    throw UsageError(explain("answer", "no question", "--ask TEXT or --locate TEXT"));
  check_model_options(o);
}

// What can be known before hours of features: Throws what makes every question fail, an output that
// cannot be written, a tower that is not the checkpoint's.
void check_early(const AnswerVerb& o, const vlm::VlmCheckpoint& checkpoint) {
  if (!o.out.empty()) const PartFile trial(fs::path(o.out) / "answers.json");
  if (!o.tower.empty() && checkpoint.tower &&
      siglip::open_checkpoint(o.tower).fingerprint() != checkpoint.tower->fingerprint())
    throw InputError(explain("--tower " + o.tower, "another tower than the checkpoint's own",
                             "the same weights", "leave --tower out"));
  std::vector<std::string> texts = o.ask;
  texts.insert(texts.end(), o.locate.begin(), o.locate.end());
  // The prompts warn of control words when they are made for good.
  const vlm::PromptMaker prompts(checkpoint.words(), checkpoint.config.control, {});
  std::size_t bad = 0;
  for (const std::string& text : texts) {
    try {
      prompts.evaluation(vlm::free_turn(text));
    } catch (const InputError&) {
      if (++bad == texts.size()) throw;
    }
  }
}

// Why a scene file is needed; empty: it is not.
std::string reason_for_scene(const AnswerVerb& o, const vlm::VlmCheckpoint& checkpoint) {
  if (checkpoint.needs().positions) return "3D positions of tokens";
  return o.locate.empty() ? "" : "the objects that --locate chooses from";
}

// Which objects of a scene file --locate chooses from. Throws InputError: it has none.
ObjectKind chosen_objects(const fs::path& path, const AnswerVerb& o) {
  const SceneReader scene(path);
  const bool proposals = scene.has_objects(ObjectKind::kProposal);
  if (!proposals && !scene.has_objects(ObjectKind::kGt) && !o.locate.empty())
    throw InputError(explain(
        path.string(), "a scene file without objects", "proposals, from which --locate chooses",
        "make it with vega-extract scene --masks FILE or --boxes FILE (of a detector such as "
        "Mask3D), or from a scan with annotation"));
  return proposals ? ObjectKind::kProposal : ObjectKind::kGt;
}

struct Session : Conversation {
  const vlm::Vlm& model;
  vlm::VisualScene& scene;
};

Located locate_one(const Session& s, const std::string& text, const Pose& aligned_from_scan) {
  const vlm::Grounding found = s.model.ground(s.scene, text);
  const vlm::SceneInput& in = s.scene.input();
  Located out;
  out.text = text;
  out.aligned_from_scan = aligned_from_scan;
  if (found.none) out.none = *found.none;
  std::vector<std::size_t> order(found.scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return found.scores[a] > found.scores[b]; });
  for (const std::size_t i : order)
    out.candidates.push_back(
        {in.object_ids[i], in.object_labels[i], in.boxes[i], static_cast<double>(found.scores[i])});
  return out;
}

void write_located(const Session& s, const Located& located, std::size_t number) {
  if (s.options.out.empty()) return;
  const std::string name = fmt::format("{}-{}", s.scene.input().key, number);
  const fs::path folder = s.options.out;
  publish_file(folder / (name + ".json"),
               to_json(located, located.candidates.size()).dump(2) + "\n");
  if (located.best() == nullptr) {  // no mesh of an earlier answer stays beside this one
    for (const char* end : {".ply", "-aligned.ply"}) fs::remove(folder / (name + end));
    return;
  }
  publish_file(folder / (name + ".ply"), to_mesh(located, false));
  publish_file(folder / (name + "-aligned.ply"), to_mesh(located, true));
  log_info("{} and {}-aligned.ply lie over the scan in a mesh viewer",
           (folder / (name + ".ply")).string(), name);
}

// Where a scan has no masks, vega-extract scene takes its annotation for proposals.
void warn_of_annotation(const SceneReader& scene, ObjectKind kind) {
  if (kind == ObjectKind::kProposal && scene.objects(kind).source != "annotation") return;
  log_warn("{}: no proposals of a detector: --locate chooses from the annotated objects",
           scene.path().string());
}

void answer_all(Session& s, const OpenFiles& open) {
  const auto ask = [&s](const std::string& question, const vlm::OnText& on_text) {
    return s.model.answer(s.scene, vlm::free_turn(question), s.config, {}, on_text);
  };
  for (const std::string& question : s.options.ask)
    try_one(s, question, [&] { answer_one(s, question, ask); });
  if (s.options.locate.empty()) return;
  warn_of_annotation(*open.scene, open.files.objects);
  std::size_t number = 0;
  for (const std::string& text : s.options.locate) {
    ++number;
    try_one(s, text, [&] {
      const Located located = locate_one(s, text, open.scene->axis_align());
      s.lines.push_back(to_json(located));
      s.context.print(s.json() ? s.lines.back().dump() + "\n" : to_text(located));
      write_located(s, located, number);
    });
  }
}

// Everything that the answers depend on.
Json record_of(const Session& s, const OpenFiles& open) {
  Json files = Json::object();
  const auto add = [&files](const char* part, const auto& file) {
    if (file)
      files.set(part, {{"path", file->path().string()}, {"cache_key", file->header().cache_key}});
  };
  add("scene", open.scene);
  add("tokens", open.tokens);
  add("semantic", open.semantic);
  add("generative", open.generative);
  const std::string& mismatch = s.scene.input().mismatch;
  Json run = s.model.describe();
  run.set("generation", s.config.describe());
  run.set("device", s.options.device.device);
  run.set("dtype", name_of(dtype_of(s.model.decoder().options().dtype)));
  run.set("files", std::move(files));
  if (!mismatch.empty()) run.set("mismatch", mismatch);
  return run;
}

}  // namespace

int run_answer(const AnswerVerb& options, const MakeScanPart& make, const Context& context) {
  if (options.is_task()) return run_task(options, make, context);
  check_options(options);
  if (vlm::is_picture_model(options.checkpoint)) return run_answer_frames(options, context);
  options.frames.refuse(options.checkpoint);
  const at::Device device = use_device(parse_device(options.device.device));
  const DType type = options.device.dtype.value_or(device.is_cuda() ? DType::kBF16 : DType::kF32);
  vlm::VlmCheckpoint checkpoint = vlm::open_checkpoint(
      options.checkpoint, {.base = options.base, .tokenizer = {}, .merged = type});
  if (!options.locate.empty() && !checkpoint.config.ground)
    throw InputError(explain(options.checkpoint, "a checkpoint without grounding head",
                             "ground_head_type in config.json and its tensors, for --locate",
                             "ask with --ask, or take a VEGA-3D or Video-3D-LLM checkpoint"));
  const qwen2::GenerationConfig config =
      with_options(qwen2::ask_generation(checkpoint.generation_folder), options);
  check_early(options, checkpoint);
  ScanInputs inputs = scan_inputs(options, checkpoint);
  NeededParts needed = needed_parts(checkpoint, inputs);
  if (const std::string reason = reason_for_scene(options, checkpoint); !reason.empty()) {
    needed.scene = true;
    needed.why_scene = reason;
  }
  needed.check_scene = [&options](const fs::path& path) { chosen_objects(path, options); };
  inputs.scene = options.inputs.front();
  inputs.key = options.key;
  const ScanFiles found(inputs, needed, make, context);
  const fs::path& scene_file = found.paths().scene;
  const ObjectKind objects =
      scene_file.empty() ? ObjectKind::kProposal : chosen_objects(scene_file, options);
  const OpenFiles open(found.paths(), {objects, options.tap, options.allow_mismatch});

  // Extraction leaves one thread an operation behind it.
  at::set_num_threads(options.workers());
  const vlm::Switches switches = chosen_switches(options.compat, text::Control::kText);
  vlm::SceneInput input = vlm::read_scene(checkpoint, open.files, switches);
  const bool untrained = checkpoint.modules.initial_values;
  const vlm::Vlm model(std::move(checkpoint), {{device, scalar_type(type)}, switches});
  for (const std::string& note : config.notes) log_info("{}", note);
  log_info("{}; {}", vlm::name_of(model.checkpoint().family), config.describe());
  if (untrained) log_warn("{} was never trained: its answers mean nothing", options.checkpoint);
  vlm::VisualScene scene = model.see(std::move(input));
  Session session{{options, context, config}, model, scene};
  answer_all(session, open);
  write_record(session, scene.input().key, record_of(session, open));
  return session.failed > 0 ? 4 : 0;
}

Verb answer_verb(MakeScanPart make) {
  const auto options = std::make_shared<AnswerVerb>();
  return {"answer", "ask about a scene, have an object located, answer a benchmark", kAnswerHelp,
          [options](OptionVisitor& v) { options->visit(v); },
          [options, make](const Context& context) { return run_answer(*options, make, context); }};
}

}  // namespace vega::evaluate
