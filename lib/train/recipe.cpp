#include "train/recipe.h"

#include <algorithm>

#include "base/error.h"
#include "core/device.h"
#include "fusion/align.h"

namespace vega::train {
namespace {

using vlm::Part;

constexpr double kNewRate = 1e-4, kReleasedRate = 1e-5, kTowerRate = 2e-6;
constexpr double kSpatialDecay = 0.01;

// Presets of the releases: their rate.
bool is_whole(Preset preset) {
  return preset == Preset::kFull || preset == Preset::kVideo3d || preset == Preset::kSpatial;
}

std::vector<Part> parts_of(const TrainVerb& o) {
  if (!o.train.empty()) {
    std::vector<Part> out;
    for (const auto& one : vlm::kParts)
      if (std::ranges::find(o.train, one.value) != o.train.end()) out.push_back(one.value);
    return out;
  }
  switch (o.preset) {
    case Preset::kGateOnly: return {Part::kFusion, Part::kGenerativeProjector};
    case Preset::kLora:
      return {Part::kFusion, Part::kGenerativeProjector, Part::kGroundHead, Part::kNewTokens,
              Part::kLora};
    case Preset::kFull:
      return {Part::kFusion,   Part::kGenerativeProjector, Part::kProjector, Part::kNewline,
              Part::kPosition, Part::kGroundHead,          Part::kDecoder,   Part::kTower};
    case Preset::kVideo3d:
      return {Part::kProjector,  Part::kNewline, Part::kPosition,
              Part::kGroundHead, Part::kDecoder, Part::kTower};
    case Preset::kSpatial: return {Part::kFusion, Part::kGenerativeProjector, Part::kDecoder};
  }
  return {};
}

std::map<Part, double> rates_of(const TrainVerb& o, const std::vector<Part>& parts) {
  std::map<Part, double> out;
  for (const Part part : parts) {
    double rate = o.rate.value_or(is_whole(o.preset) ? kReleasedRate : kNewRate);
    if (part == Part::kTower && !o.rate) rate = kTowerRate;
    if (const auto own = o.rates.find(part); own != o.rates.end()) rate = own->second;
    out.emplace(part, rate);
  }
  for (const auto& [part, rate] : o.rates)
    if (!out.contains(part))
      throw UsageError(explain("--rates", vlm::name_of(part) + ", which does not train",
                               "parts of --train", "add it to --train, or leave it out"));
  return out;
}

vlm::NewParts new_parts(const TrainVerb& o) {
  vlm::NewParts out;
  out.fusion = o.fusion;
  out.form = o.form;
  out.fusion_layers = o.fusion_layers;
  out.fusion_heads = o.fusion_heads;
  out.fusion_dropout = o.fusion_dropout;
  out.position = o.position;
  out.objects = o.object_features;
  out.ground = o.ground_head;
  return out;
}

vlm::Switches switches_of_run(const TrainVerb& o) {
  vlm::Switches out = vlm::switches_of(o.compat.value_or(Compat::kReference));
  if (!o.compat) {
    out.control_words = text::Control::kText;
    out.cut_prompts = false;
  }
  out.spatial_instruction = o.spatial_instruction;
  return out;
}

// Options that nothing in the run would read.
void check_read(const TrainVerb& o, bool lora) {
  const TrainVerb usual;
  const auto refuse = [](bool given, const char* option, const char* without,
                         const char* expected) {
    if (given)
      throw UsageError(explain(option, without, expected, "add it, or leave the option out"));
  };
  if (!lora) {
    const char *none = "no adapters", *asked = "lora among --train, or --preset lora";
    refuse(o.lora_rank.has_value(), "--lora-rank", none, asked);
    refuse(o.lora_alpha != usual.lora_alpha, "--lora-alpha", none, asked);
    refuse(o.lora_dropout != usual.lora_dropout, "--lora-dropout", none, asked);
    refuse(o.lora_rslora, "--lora-rslora", none, asked);
  }
  if (o.fusion != "cross_attention") {
    const char *none = "no new cross_attention", *asked = "--fusion cross_attention";
    refuse(o.fusion_layers != usual.fusion_layers, "--fusion-layers", none, asked);
    refuse(o.fusion_heads != usual.fusion_heads, "--fusion-heads", none, asked);
    refuse(o.fusion_dropout != usual.fusion_dropout, "--fusion-dropout", none, asked);
  }
  if (o.sampler != SamplerKind::kScene) {
    const char *none = "a sampler that does not read it", *asked = "--sampler scene";
    refuse(o.step_scenes != usual.step_scenes, "--step-scenes", none, asked);
    refuse(o.scene_questions != usual.scene_questions, "--scene-questions", none, asked);
  }
  if (o.validation.files.empty()) {
    const char *none = "no validation", *asked = "--validate FILE";
    refuse(!o.validation.best.empty(), "--best", none, asked);
    refuse(o.validation.every != usual.validation.every, "--validate-every", none, asked);
    refuse(o.validation.count != usual.validation.count, "--validate-count", none, asked);
    refuse(!o.validation.videos.empty(), "--videos", none, asked);
    refuse(o.validation.frames != usual.validation.frames, "--validate-frames", none, asked);
  }
}

void check(const TrainVerb& o, const std::vector<Part>& parts) {
  const auto need = [](const std::string& value, const char* option, const char* what) {
    if (value.empty()) throw UsageError(explain(option, "nothing", what));
  };
  need(o.checkpoint, "--checkpoint", "the model that training begins with");
  need(o.data, "--data", "a mixture of annotations: a JSON list or the official YAML");
  need(o.out, "--out", "a folder for the run");
  if (o.epochs && o.steps)
    throw UsageError(explain("--epochs", "--steps beside it", "one or the other"));
  check_read(o, std::ranges::find(parts, Part::kLora) != parts.end());
  if (!o.form.empty() && o.fusion.empty())
    throw UsageError(explain("--form", "no --fusion", "a new fusion that has that form",
                             "the form of the checkpoint's own fusion stays"));
  if (o.zero > 2 && std::ranges::find(parts, Part::kDecoder) == parts.end())
    throw UsageError(explain("--zero", std::to_string(o.zero),
                             "0 to 2 where the decoder's layers do not train",
                             "take --zero 2, or train the decoder (--preset full)"));
  if (o.zero > 2 && !o.recompute)
    throw UsageError(explain("--recompute", "off", "on with --zero 3",
                             "layers come to a rank one at a time, once for each way"));
  if (o.sampler == SamplerKind::kScene && o.batch)
    throw UsageError(explain("--batch", "--sampler scene", "one or the other",
                             "a step has --step-scenes scenes of --scene-questions questions"));
}

}  // namespace

Recipe resolve(const TrainVerb& o, Purpose purpose) {
  Recipe r;
  const std::vector<Part> parts = parts_of(o);
  check(o, parts);
  r.checkpoint = o.checkpoint;
  r.base = o.base;
  r.data = o.data;
  r.out = o.out;
  r.folders = {o.scenes, o.semantic, o.features,      o.semantic_tap,
               o.tap,    o.objects,  o.allow_mismatch};
  r.assumed_frames = o.assumed_frames;
  r.skip_missing = o.skip_missing;
  r.overwrite = o.overwrite;
  at::Device device = parse_device(o.device.device);
  if (purpose != Purpose::kPlanUnmeasured || !device.is_cuda()) device = use_device(device);
  r.dtype = o.device.dtype.value_or(device.is_cuda() ? DType::kBF16 : DType::kF32);
  r.model.placement = {device, r.dtype == DType::kBF16 ? at::kBFloat16 : at::kFloat};
  r.model.switches = switches_of_run(o);
  r.model.parts = parts;
  r.preset_parts = o.train.empty();
  if (std::ranges::find(parts, Part::kLora) != parts.end())
    r.model.lora =
        LoraConfig{o.lora_rank.value_or(64), o.lora_alpha, o.lora_dropout, o.lora_rslora};
  r.model.new_parts = new_parts(o);
  r.model.branch.model = o.model;
  r.model.branch.prompt = o.prompt;
  r.model.recompute = o.recompute;
  r.model.seed = r.seed = static_cast<std::uint64_t>(o.seed);
  r.model.pass_tokens = o.pass_tokens;
  r.rates = rates_of(o, parts);
  r.max_tokens = o.max_tokens;
  r.masking = o.masking;
  r.steps = o.steps;
  if (!o.steps) r.epochs = o.epochs.value_or(1);
  const bool spatial = o.preset == Preset::kSpatial;
  r.batch = o.batch.value_or(spatial ? 64 : o.preset == Preset::kVideo3d ? 16 : 128);
  r.micro_batch = o.micro_batch;
  r.division = o.division.value_or(spatial ? Division::kReleased : Division::kToken);
  r.sampler = o.sampler;
  r.drop_last = o.compat == Compat::kReference && o.sampler == SamplerKind::kTaskLength;
  r.step_scenes = o.step_scenes;
  r.scene_questions = o.scene_questions;
  r.visual_from = o.visual_from;
  r.augment = {o.augment_turn, o.augment_shift, o.augment_frames};
  r.schedule = o.schedule;
  r.warmup = o.warmup;
  r.beta1 = o.beta1;
  r.beta2 = o.beta2;
  r.epsilon = o.epsilon;
  r.weight_decay = o.weight_decay.value_or(spatial ? kSpatialDecay : 0);
  r.decay = spatial ? Decay::kReleased : Decay::kMatrices;
  r.clip = o.clip.value_or(spatial ? 0 : 1);
  r.save_every = o.save_every;
  r.keep = o.keep;
  r.validation = o.validation;
  r.scene_bytes = r.model.seen_bytes = o.scene_memory * (1 << 30);
  r.threads = o.workers();
  r.zero = static_cast<int>(o.zero);
  return r;
}

Json Recipe::describe() const {
  Json by_part = Json::object();
  for (const auto& [part, rate] : rates) by_part.add(vlm::name_of(part), rate);
  const vlm::NewParts& added = model.new_parts;
  Json fresh = Json::object();
  if (!added.fusion.empty())
    fresh.set("fusion", Json{{"method", added.fusion},
                             {"form", added.form},
                             {"layers", added.fusion_layers},
                             {"heads", added.fusion_heads},
                             {"dropout", added.fusion_dropout}});
  if (!added.position.empty()) fresh.set("position", added.position);
  if (added.objects) fresh.set("objects", vega::name_of(*added.objects));
  if (added.ground) fresh.set("ground", name_in<vlm::GroundType>(vlm::kGroundTypes, *added.ground));
  Json lora;
  if (model.lora)
    lora = Json{{"rank", model.lora->rank},
                {"alpha", model.lora->alpha},
                {"dropout", model.lora->dropout},
                {"rank_stabilised", model.lora->rank_stabilised}};
  Json out{{"rates", by_part}, {"lora", lora}, {"new_parts", fresh}};
  out.add("switches", vlm::to_json(model.switches));
  out.add("masking", name_in<vlm::Masking>(vlm::kMaskings, masking));
  out.add("max_tokens", max_tokens ? Json(*max_tokens) : Json());
  out.add("epochs", epochs ? Json(*epochs) : Json());
  out.add("steps", steps ? Json(*steps) : Json());
  out.add("batch", batch);
  out.add("micro_batch", micro_batch);
  out.add("loss_division", name_in<Division>(kDivisions, division));
  out.add("sampler", Json{{"kind", name_in<SamplerKind>(kSamplers, sampler)},
                          {"drop_last", drop_last},
                          {"step_scenes", step_scenes},
                          {"scene_questions", scene_questions}});
  out.add("visual_from", visual_from);
  out.add("augment",
          Json{{"turn", augment.turn}, {"shift_m", augment.shift_m}, {"frames", augment.frames}});
  out.add("schedule",
          Json{{"kind", name_in<ScheduleKind>(kSchedules, schedule)}, {"warmup", warmup}});
  out.add("adamw", Json{{"beta1", beta1},
                        {"beta2", beta2},
                        {"epsilon", epsilon},
                        {"weight_decay", weight_decay},
                        {"clip", clip}});
  if (decay == Decay::kReleased) out.add("decays", "all but biases and layer norms");
  out.add("tap", folders.generative_tap);
  out.add("semantic_tap", folders.semantic_tap);
  out.add("objects", folders.objects == ObjectKind::kGt ? "gt" : "proposal");
  out.add("allow_mismatch", folders.allow_mismatch);
  out.add("device", model.placement.device.is_cuda() ? "cuda" : "cpu");
  out.add("dtype", vega::name_of(dtype));
  out.add("seed", seed);
  return out;
}

}  // namespace vega::train
