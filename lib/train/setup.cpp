#include "train/setup.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "models/wan/checkpoint.h"
#include "run/refuse_given.h"
#include "train/picture_data.h"
#include "train/scene_files.h"
#include "vlm/generative_branch.h"
#include "vlm/picture_checkpoint.h"

namespace vega::train {
namespace fs = std::filesystem;
namespace {

using vlm::Part;

bool trains(const Recipe& recipe, Part part) {
  return std::ranges::find(recipe.model.parts, part) != recipe.model.parts.end();
}

vlm::VlmCheckpoint open_base(const Recipe& recipe, bool plans) {
  const vlm::CheckpointOptions how{
      .base = recipe.base, .tokenizer = {}, .merged = recipe.dtype, .pairs = true, .shapes = plans};
  vlm::VlmCheckpoint out = vlm::is_picture_model(recipe.checkpoint)
                               ? vlm::open_picture_checkpoint(recipe.checkpoint, how)
                               : vlm::open_checkpoint(recipe.checkpoint, how);
  static_cast<void>(out.words());  // throws where there is no tokeniser
  if (recipe.max_tokens) out.config.most_tokens = *recipe.max_tokens;
  return out;
}

// What the base lacks of the parts that train, and how wide the features are that they read.
void complete_parts(Recipe& recipe, const vlm::VlmCheckpoint& base) {
  vlm::NewParts& fresh = recipe.model.new_parts;
  const bool generative = trains(recipe, Part::kFusion) ||
                          trains(recipe, Part::kGenerativeProjector) || !fresh.fusion.empty();
  if (generative && !base.config.generative) {
    const FeatureKinds kinds = feature_kinds(recipe);
    fresh.generative_width = kinds.generative_width;
    fresh.generative = kinds.generative;
    if (fresh.generative_width > 0 && fresh.fusion.empty()) fresh.fusion = "token_gated";
  }
  if (trains(recipe, Part::kGroundHead) && !base.config.ground && !fresh.ground)
    fresh.ground = vlm::GroundType::kInfoNce;
  if (trains(recipe, Part::kNewTokens) && vlm::new_token_ids(base.config).empty())
    fresh.control_words = true;
}

// The Wan of a model that is shown pictures: where it is, and how wide a new branch's features are.
void complete_branch(Recipe& recipe, vlm::VlmCheckpoint& base, bool plans) {
  SpatialSettings& settings = base.pictures->settings;
  if (!recipe.model.branch.model.empty())
    settings.model = fs::absolute(recipe.model.branch.model).lexically_normal();
  vlm::NewParts& fresh = recipe.model.new_parts;
  const bool branch = trains(recipe, Part::kFusion) || trains(recipe, Part::kGenerativeProjector) ||
                      !fresh.fusion.empty();
  if (base.config.generative || !branch) return;
  if (fresh.fusion.empty()) fresh.fusion = "token_gated_residual";
  wan::DitConfig dit;  // of the 1.3B
  if (!plans || !recipe.model.branch.model.empty())
    dit = wan::open_checkpoint(vlm::find_branch(base.pictures->model, recipe.model.branch).model)
              .dit_config;
  fresh.generative_width = dit.dim;
  const Json config = read_json(base.config_folder / "config.json", "a model's configuration");
  const std::int64_t named = config["generative_vision_tower_feat_block_idx"].whole().value_or(-1);
  settings.block = named >= 0 ? named : dit.layers - 1;
  fresh.generative = settings.trained_on();
}

bool has_position_values(const vlm::VlmCheckpoint& checkpoint) {
  const auto& position = checkpoint.config.position;
  return position && position->embedding == vlm::Embedding::kMlp;
}

// Parts that a preset names and the checkpoint cannot have.
void drop_absent(Recipe& recipe, const vlm::VlmCheckpoint& planned) {
  if (!recipe.preset_parts) return;
  std::erase_if(recipe.model.parts, [&](Part part) {
    const bool absent =
        (planned.pictures && part != Part::kFusion && part != Part::kGenerativeProjector &&
         part != Part::kDecoder && part != Part::kLora) ||
        (part == Part::kNewline && planned.set.find(vlm::kNewlineName) == nullptr) ||
        (part == Part::kTower && !planned.tower) ||
        (part == Part::kPosition && !has_position_values(planned)) ||
        (part == Part::kFusion && !planned.config.fuses) ||
        (part == Part::kGenerativeProjector && !planned.config.generative);
    if (!absent) return false;
    log_info("{}: the checkpoint has no such part; it does not train", vlm::name_of(part));
    recipe.rates.erase(part);
    return true;
  });
}

// Options that a model of this kind has no use for.
void check_kind(const TrainVerb& o, const vlm::VlmCheckpoint& base) {
  const TrainVerb usual;
  if (!base.pictures) {
    if (o.preset == Preset::kSpatial)
      throw InputError(explain("--preset spatial", o.checkpoint + ", which reads scene files",
                               "a Qwen2.5-VL, which is shown pictures",
                               "take --preset full for a VEGA-3D model of scenes"));
    refuse_given({{!o.model.empty(), "--model"}, {!o.prompt.empty(), "--prompt"}},
                 o.checkpoint + ", which reads features of Wan from files", "--features DIR");
    refuse_given({{!o.validation.videos.empty(), "--videos"},
                  {o.validation.frames != usual.validation.frames, "--validate-frames"}},
                 o.checkpoint + ", which reads files of scenes", "--scenes DIR");
    return;
  }
  refuse_given({{!o.tap.empty() && o.features.empty(), "--tap"},
                {!o.semantic_tap.empty() && o.semantic.empty(), "--semantic-tap"},
                {o.allow_mismatch && o.features.empty(), "--allow-mismatch"}},
               "no stored features", "--features DIR, --semantic DIR");
  refuse_given({{!o.scenes.empty(), "--scenes"},
                {o.objects != usual.objects, "--objects"},
                {!o.spatial_instruction, "--spatial-instruction"},
                {o.augment_turn, "--augment-turn"},
                {o.augment_shift > 0, "--augment-shift"},
                {o.augment_frames > 0, "--augment-frames"}},
               o.checkpoint + ", a Qwen2.5-VL model", "options of a model that is shown pictures");
  if (!o.validation.files.empty() && o.validation.videos.empty())
    throw UsageError(explain("--videos", "nothing beside --validate",
                             "the folder of the videos that its questions are about",
                             "it holds DATASET/SCENE.mp4"));
}

// Which features a model reads is known when its configuration is.
void require_folders(const Recipe& recipe, const vlm::VlmCheckpoint& planned) {
  if (planned.pictures) return;
  const bool given = !recipe.folders.semantic.empty();
  if (recipe.assumed_frames == 0 && planned.needed_files(given, true).semantic && !given &&
      !reads_pixels(recipe))
    throw UsageError(explain("--semantic", "nothing", "the folder of the scenes' features",
                             "vega-extract features --backbone siglip makes them"));
}

// Which of tower and Wan no scene needs; says what runs where only some do not.
void note_stored(Recipe& recipe, const vlm::VlmCheckpoint& planned, const TrainingData& data) {
  const auto is_said = [&](bool given, fs::path ScenePlace::*file, const char* what) {
    if (!given) return false;
    const auto live = std::ranges::count_if(
        data.scenes, [file](const ScenePlace& place) { return (place.*file).empty(); });
    if (live > 0)
      log_info("{} runs for {} of {} scenes, which are pictures: stored features are of videos",
               what, live, data.scenes.size());
    return live == 0;
  };
  const SceneFolders& folders = recipe.folders;
  recipe.model.stored_semantic =
      is_said(!folders.semantic.empty(), &ScenePlace::semantic, "the tower");
  recipe.model.stored_generative =
      planned.config.generative &&
      is_said(!folders.generative.empty(), &ScenePlace::generative, "Wan");
}

}  // namespace

StepPlan step_plan(const Recipe& recipe, std::int64_t per_epoch, std::int64_t samples) {
  StepPlan out;
  out.per_epoch = per_epoch;
  out.steps = recipe.steps ? *recipe.steps : *recipe.epochs * per_epoch;
  out.scheduled = out.steps;
  // The released sampler reports the length of the data, so that the plan has steps that never
  // come.
  if (recipe.drop_last && !recipe.steps)
    out.scheduled = std::max(out.steps, *recipe.epochs * (samples / recipe.batch));
  return out;
}

TrainSetup::TrainSetup(const TrainVerb& options, Purpose purpose, VideoAccess video_access)
    : recipe(resolve(options, purpose)),
      base(open_base(recipe, purpose != Purpose::kRun)),
      videos(std::move(video_access)) {
  check_kind(options, base);
  if (base.pictures) {
    for (const std::string& note : base.pictures->rule.notes) log_warn("{}", note);
    complete_branch(recipe, base, purpose != Purpose::kRun);
  } else {
    complete_parts(recipe, base);
  }
  planned = vlm::planned_checkpoint(base, recipe.model.new_parts);
  drop_absent(recipe, planned);
  require_folders(recipe, planned);
  static_cast<void>(vlm::trained_specs(planned, recipe.model.parts, recipe.model.lora));
  if (planned.pictures && !planned.config.generative && !recipe.folders.generative.empty())
    throw UsageError(explain("--features", "a model without generative branch",
                             "one that has it, or gets it (--fusion token_gated_residual)",
                             "leave the option out"));
  data = planned.pictures ? read_picture_data(recipe, planned, videos) : read_data(recipe, planned);
  if (planned.pictures) note_stored(recipe, planned, data);
  plan = step_plan(recipe, sampler().steps_per_epoch(),
                   static_cast<std::int64_t>(data.samples.size()));
}

Sampler TrainSetup::sampler() const {
  return {data.items(),
          {recipe.sampler, recipe.batch, recipe.micro_batch, recipe.step_scenes,
           recipe.scene_questions, recipe.drop_last, recipe.seed}};
}

Schedule TrainSetup::schedule() const {
  return {recipe.schedule, plan.scheduled, warmup_steps(recipe.warmup, plan.scheduled)};
}

Json TrainSetup::identity() const {
  Json out = recipe.describe();
  out.set("base", base.fingerprint());
  out.set("data", data.digest);
  out.set("step_count", plan.steps);
  if (planned.pictures && planned.config.generative) {
    const SpatialSettings& s = planned.pictures->settings;
    out.set("branch",
            Json{{"wan", vlm::branch_fingerprint(planned.pictures->model, recipe.model.branch)},
                 {"block", s.block},
                 {"timestep", s.timestep},
                 {"shift", s.shift},
                 {"size", to_string(s.size)}});
  }
  return out;
}

}  // namespace vega::train
