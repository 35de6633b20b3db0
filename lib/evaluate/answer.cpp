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
#include "base/parallel.h"
#include "base/printable.h"
#include "base/publish.h"
#include "base/stop.h"
#include "core/device.h"
#include "core/dtype.h"
#include "evaluate/located.h"
#include "evaluate/scan_files.h"
#include "models/qwen2/generation_config.h"
#include "run/output_names.h"
#include "vlm/vlm.h"

namespace vega::evaluate {
namespace fs = std::filesystem;
namespace {

constexpr auto kAnswerHelp =
    R"(Asks a multimodal language model about one scene: free questions, and which object a description means. Files of the
scene that are there are read (--scenes, --semantic, --features); the others are made from the scan, as far as their
weights are at hand. All questions share what the model has seen of the scene. Answers are streamed to stdout.

Examples:
  vega-eval answer scans/scene0000_00 --checkpoint VEGA-3D --model Wan2.1-T2V-1.3B --ask "What color is the chair?"
  vega-eval answer scene0000_00 --checkpoint VEGA-3D --scenes scenes --semantic features/siglip \
      --features features/wan --locate "the red chair by the window" -o found
  vega-eval answer walk.mp4 --checkpoint LLaVA-Video-7B-Qwen2 --ask "What is on the table?" --work walk-files

See also: vega-extract features, vega-extract scene; docs/language.md)";

void check_options(const AnswerVerb& o) {
  if (o.inputs.size() != 1)
    throw UsageError(explain("answer", std::to_string(o.inputs.size()) + " scenes", "one",
                             "run it once for each scene"));
  if (o.ask.empty() && o.locate.empty())
    throw UsageError(explain("answer", "no question", "--ask TEXT or --locate TEXT"));
  if (o.checkpoint.empty())
    throw UsageError(explain("--checkpoint", "nothing", "a folder with a model"));
  if (o.temperature && *o.temperature == 0 && (o.top_p || o.top_k))
    throw UsageError(explain("--temperature 0", "--top-p or --top-k beside it",
                             "one or the other: 0 draws nothing"));
  const bool draws = (o.temperature && *o.temperature > 0) || o.top_p || o.top_k;
  if (o.greedy && draws)
    throw UsageError(
        explain("--greedy", "--temperature, --top-p or --top-k beside it", "one or the other"));
}

qwen2::GenerationConfig generation(const AnswerVerb& o, const vlm::VlmCheckpoint& checkpoint) {
  qwen2::GenerationConfig config = qwen2::ask_generation(checkpoint.generation_folder);
  if (o.max_new_tokens) config.max_new_tokens = *o.max_new_tokens;
  if (o.repetition_penalty) config.sampling.repetition_penalty = *o.repetition_penalty;
  if (o.top_p) config.sampling.top_p = *o.top_p;
  if (o.top_k) config.sampling.top_k = *o.top_k;
  if (o.top_p || o.top_k) config.sampling.sample = true;
  if (o.temperature) {
    config.sampling.sample = *o.temperature > 0;
    if (config.sampling.sample) config.sampling.temperature = *o.temperature;
  }
  if (o.greedy) config.sampling.sample = false;
  config.seed = static_cast<std::uint64_t>(o.seed);
  return config;
}

ScanInputs scan_inputs(const AnswerVerb& o, const vlm::VlmCheckpoint& checkpoint) {
  ScanInputs in;
  in.scene = o.inputs.front();
  in.key = o.key;
  in.scenes = o.scenes;
  in.semantic = o.semantic;
  in.features = o.features;
  in.tower = o.tower;
  if (in.tower.empty() && checkpoint.tower) in.tower = checkpoint.tower->folder.string();
  in.model = o.model;
  in.prompt = o.prompt;
  in.work = o.work;
  ScanJob& job = in.job;
  const TrainedOn& trained = checkpoint.modules.trained_on;
  job.block = trained.block;
  job.timestep = trained.timestep;
  job.shift = trained.shift;
  if (trained.width > 0)
    job.size = {static_cast<int>(trained.width), static_cast<int>(trained.height)};
  job.view = trained.view;
  job.center_crop = checkpoint.view() == "center_crop";
  job.compat = o.compat.value_or(Compat::kReference);
  job.device = o.device.device;
  job.dtype = o.device.dtype;
  job.threads = o.threads;
  return in;
}

// As asked. Without --compat the released forward pass, but control words in a question are text,
// and one that is too long is refused.
vlm::Switches switches_of(const AnswerVerb& o) {
  vlm::Switches switches = vlm::switches_of(o.compat.value_or(Compat::kReference));
  if (!o.compat) {
    switches.control_words = text::Control::kText;
    switches.cut_prompts = false;
  }
  return switches;
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

// The files of a scene, open, and which objects --locate chooses from.
struct OpenFiles {
  std::optional<FeatureReader> semantic, generative;
  std::optional<SceneReader> scene;
  vlm::SceneFiles files;

  OpenFiles(const ScanFiles& paths, const AnswerVerb& o) {
    semantic.emplace(paths.semantic());
    files.semantic = &*semantic;
    if (!paths.generative().empty()) {
      generative.emplace(paths.generative());
      files.generative = &*generative;
      files.generative_tap = o.tap;
    }
    files.allow_mismatch = o.allow_mismatch;
    if (paths.scene().empty()) return;
    scene.emplace(paths.scene());
    files.scene = &*scene;
    files.objects = chosen_objects(paths.scene(), o);
  }
};

// The questions of a run share all this; `lines` and `failed` grow with each answer.
struct Session {
  const AnswerVerb& options;
  const Context& context;
  const vlm::Vlm& model;
  vlm::VisualScene& scene;
  const qwen2::GenerationConfig& config;
  std::vector<Json> lines = {};  // of --format json, and of the record
  int failed = 0;                // questions that could not be asked

  bool json() const { return options.format == AnswerFormat::kJson; }
  bool several() const { return options.ask.size() + options.locate.size() > 1; }
};

void answer_one(Session& s, const std::string& question) {
  const std::string head = s.several() ? "Q: " + question + "\nA: " : "";
  bool begun = false;  // blanks at the beginning are no part of the answer
  const auto on_text = [&](std::string_view piece) {
    check_stop();
    if (s.json()) return true;
    if (!begun) piece.remove_prefix(std::min(piece.find_first_not_of(" \n\t\r"), piece.size()));
    if (!piece.empty()) s.context.print((begun ? "" : head) + without_controls(piece));
    begun = begun || !piece.empty();
    return true;
  };
  const vlm::Reply reply = s.model.answer(s.scene, vlm::free_turn(question), s.config, {}, on_text);
  const bool cut = reply.answer.ending == qwen2::Ending::kLimit;
  s.lines.push_back({{"ask", question},
                     {"answer", reply.text},
                     {"tokens", reply.answer.ids.size()},
                     {"cut", cut}});
  if (s.json()) {
    s.context.print(s.lines.back().dump() + "\n");
  } else {
    s.context.print((begun ? "" : head) + (s.several() ? "\n\n" : "\n"));
  }
  if (cut)
    log_warn("'{}': the answer was cut at --max-new-tokens {}", question, s.config.max_new_tokens);
  if (reply.text.empty()) log_warn("'{}': an empty answer", question);
}

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

// A question that cannot be asked costs only itself, unless it is the only one.
template <typename Ask>
void try_one(Session& s, const std::string& text, const Ask& ask) {
  check_stop();
  try {
    ask();
  } catch (const ModelError&) {
    throw;  // every other question would meet it, too
  } catch (const InputError& error) {
    if (!s.several()) throw;
    log_error("'{}': {}", visible(text), error.what());
    ++s.failed;
  }
}

void answer_all(Session& s, const OpenFiles& open) {
  for (const std::string& question : s.options.ask)
    try_one(s, question, [&] { answer_one(s, question); });
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

// Everything that the answers depend on, beside them.
void write_record(const Session& s, const OpenFiles& open) {
  if (s.options.out.empty()) return;
  Json files = Json::object();
  const auto add = [&files](const char* part, const auto& file) {
    if (file)
      files.set(part, {{"path", file->path().string()}, {"cache_key", file->header().cache_key}});
  };
  add("scene", open.scene);
  add("semantic", open.semantic);
  add("generative", open.generative);
  const std::string& mismatch = s.scene.input().mismatch;
  Json run = s.model.describe();
  run.set("generation", s.config.describe());
  run.set("device", s.options.device.device);
  run.set("dtype", name_of(dtype_of(s.model.decoder().options().dtype)));
  run.set("files", std::move(files));
  if (!mismatch.empty()) run.set("mismatch", mismatch);
  const std::string& key = s.scene.input().key;
  const Json record{
      {"schema", "vega.questions/1"}, {"key", key}, {"run", run}, {"answers", s.lines}};
  publish_output(fs::path(s.options.out) / (key + ".json"), record.dump(2) + "\n");
}

}  // namespace

int run_answer(const AnswerVerb& options, const MakeScanPart& make, const Context& context) {
  check_options(options);
  const at::Device device = use_device(parse_device(options.device.device));
  const DType type = options.device.dtype.value_or(device.is_cuda() ? DType::kBF16 : DType::kF32);
  vlm::VlmCheckpoint checkpoint = vlm::open_checkpoint(
      options.checkpoint, {.base = options.base, .tokenizer = {}, .merged = type});
  if (!options.locate.empty() && !checkpoint.config.ground)
    throw InputError(explain(options.checkpoint, "a checkpoint without grounding head",
                             "ground_head_type in config.json and its tensors, for --locate",
                             "ask with --ask, or take a VEGA-3D or Video-3D-LLM checkpoint"));
  const qwen2::GenerationConfig config = generation(options, checkpoint);
  check_early(options, checkpoint);
  const NeededParts needed{
      .scene = !reason_for_scene(options, checkpoint).empty(),
      .generative = checkpoint.needs().generative,
      .why_scene = reason_for_scene(options, checkpoint),
      .check_scene = [&options](const fs::path& path) { chosen_objects(path, options); }};
  const ScanFiles paths(scan_inputs(options, checkpoint), needed, make, context);
  OpenFiles open(paths, options);

  // Extraction leaves one thread an operation behind it.
  at::set_num_threads(options.threads > 0 ? static_cast<int>(options.threads) : available_cores());
  const vlm::Switches switches = switches_of(options);
  vlm::SceneInput input = vlm::read_scene(checkpoint, open.files, switches);
  const bool untrained = checkpoint.modules.initial_values;
  const vlm::Vlm model(std::move(checkpoint), {{device, scalar_type(type)}, switches});
  for (const std::string& note : config.notes) log_info("{}", note);
  log_info("{}; {}", vlm::name_of(model.checkpoint().family), config.describe());
  if (untrained) log_warn("{} was never trained: its answers mean nothing", options.checkpoint);
  vlm::VisualScene scene = model.see(std::move(input));
  Session session{options, context, model, scene, config};
  answer_all(session, open);
  write_record(session, open);
  return session.failed > 0 ? 4 : 0;
}

Verb answer_verb(MakeScanPart make) {
  const auto options = std::make_shared<AnswerVerb>();
  return {"answer", "ask about a scene, or have an object located", kAnswerHelp,
          [options](OptionVisitor& v) { options->visit(v); },
          [options, make](const Context& context) { return run_answer(*options, make, context); }};
}

}  // namespace vega::evaluate
