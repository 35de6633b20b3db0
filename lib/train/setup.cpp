#include "train/setup.h"

#include <algorithm>

#include "base/error.h"
#include "base/log.h"
#include "train/scene_files.h"

namespace vega::train {
namespace {

using vlm::Part;

bool trains(const Recipe& recipe, Part part) {
  return std::ranges::find(recipe.model.parts, part) != recipe.model.parts.end();
}

vlm::VlmCheckpoint open_base(const Recipe& recipe, bool plans) {
  vlm::VlmCheckpoint out = vlm::open_checkpoint(recipe.checkpoint, {.base = recipe.base,
                                                                    .tokenizer = {},
                                                                    .merged = recipe.dtype,
                                                                    .pairs = true,
                                                                    .shapes = plans});
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

bool has_position_values(const vlm::VlmCheckpoint& checkpoint) {
  const auto& position = checkpoint.config.position;
  return position && position->embedding == vlm::Embedding::kMlp;
}

// Parts that a preset names and the checkpoint cannot have.
void drop_absent(Recipe& recipe, const vlm::VlmCheckpoint& planned) {
  if (!recipe.preset_parts) return;
  std::erase_if(recipe.model.parts, [&](Part part) {
    const bool absent =
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

// Which features a model reads is known when its configuration is.
void require_folders(const Recipe& recipe, const vlm::VlmCheckpoint& planned) {
  const bool given = !recipe.folders.semantic.empty();
  if (recipe.assumed_frames == 0 && planned.needed_files(given, true).semantic && !given &&
      !reads_pixels(recipe))
    throw UsageError(explain("--semantic", "nothing", "the folder of the scenes' features",
                             "vega-extract features --backbone siglip makes them"));
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

TrainSetup::TrainSetup(const TrainVerb& options, Purpose purpose)
    : recipe(resolve(options, purpose)), base(open_base(recipe, purpose != Purpose::kRun)) {
  complete_parts(recipe, base);
  planned = vlm::planned_checkpoint(base, recipe.model.new_parts);
  drop_absent(recipe, planned);
  require_folders(recipe, planned);
  static_cast<void>(vlm::trained_specs(planned, recipe.model.parts, recipe.model.lora));
  data = read_data(recipe, planned);
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
  return out;
}

}  // namespace vega::train
