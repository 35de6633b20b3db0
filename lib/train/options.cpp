#include "train/options.h"

#include <limits>

#include "base/error.h"
#include "base/parallel.h"
#include "vlm/base_option.h"

namespace vega::train {
namespace {

constexpr std::int64_t kMany = std::int64_t{1} << 40;
constexpr Choice<bool> kOnOff[] = {{true, "on"}, {false, "off"}};
constexpr Choice<ObjectKind> kObjectKinds[] = {
    {ObjectKind::kGt, "gt", "the annotated objects"},
    {ObjectKind::kProposal, "proposal", "the proposals; the one that overlaps most is meant"}};
constexpr Choice<Compat> kTrainCompat[] = {
    {Compat::kReference, "reference",
     "the released forward pass with its rounding; long samples are cut; task-length drops the "
     "last batch of each group"},
    {Compat::kFixed, "fixed", "what silently distorts numbers is repaired (docs/language.md)"}};

void visit_data(TrainVerb& o, OptionVisitor& v) {
  v.group("Data");
  v.text("--data", o.data, "FILE",
         "what is asked: a JSON list of {annotations, task, count, media}, or the official YAML");
  v.text("--scenes", o.scenes, "DIR", "scene files DIR/KEY.h5 of vega-extract scene");
  v.text(
      "--semantic", o.semantic, "DIR",
      "semantic features DIR/KEY.h5 of vega-extract features --backbone siglip; of videos that a "
      "Qwen2.5-VL is shown --backbone qwen2.5-vl");
  v.text("--features", o.features, "DIR",
         "generative features DIR/KEY.h5; of videos that a Qwen2.5-VL is shown --pool native");
  v.text("--tap", o.tap, "NAME", "which generative features (default: the file's default tap)");
  v.text("--semantic-tap", o.semantic_tap, "NAME",
         "which semantic features (default: the file's default tap)");
  v.choice("--objects", o.objects, kObjectKinds, "among which grounding chooses");
  v.flag("--skip-missing", o.skip_missing,
         "leave out the questions about scenes whose files are not there; without it they are an "
         "error");
  v.flag("--allow-mismatch", o.allow_mismatch,
         "take features of another block, timestep, shift, size or view than the checkpoint was "
         "trained on");
  v.open_integer("--max-tokens", o.max_tokens, "N", {1, 1 << 24},
                 "longest sequence (default: the checkpoint's); longer samples are left out and "
                 "counted");
  v.choice("--masking", o.masking, vlm::kMaskings, "which tokens are targets");
  v.choice("--spatial-instruction", o.spatial_instruction, kOnOff,
           "the sentences about the scene before each question");
  v.choice("--compat", o.compat, kTrainCompat,
           "(default: the released forward pass, but control words in texts stay text, and no "
           "sample is cut or dropped)");
}

void visit_parts(TrainVerb& o, OptionVisitor& v) {
  v.group("What trains");
  v.choice("--preset", o.preset, kPresets, "");
  v.choices("--train", o.train, vlm::kParts, "(default: the preset's)");
  v.open_real("--rate", o.rate, "X", {.least = 0},
              "learning rate (default: 1e-4, of full, video3d-llm and spatial 1e-5, of the tower "
              "2e-6)");
  v.parsed("--rates", o.rates, "PART=X,...", "", parse_rates, "learning rates of single parts");
  v.open_integer("--lora-rank", o.lora_rank, "R", {1, 1 << 16}, "(default: 64)");
  v.real("--lora-alpha", o.lora_alpha, "A", {.least = 0, .above_least = true},
         "adapters are multiplied by A / R");
  v.real("--lora-dropout", o.lora_dropout, "P", {.least = 0, .most = 0.99},
         "of an adapter's input");
  v.flag("--lora-rslora", o.lora_rslora, "multiply by A / sqrt(R)");
  v.group("Parts that the checkpoint lacks");
  v.text("--fusion", o.fusion, "METHOD",
         "a fusion module with initial values: token_gated, gated, add, only, concat, weighted, "
         "cross_attention, instruction_token_gated");
  v.text("--form", o.form, "FORM", "of a token gate: raw, normed, residual");
  v.integer("--fusion-layers", o.fusion_layers, "N", {1, 64}, "of cross_attention");
  v.integer("--fusion-heads", o.fusion_heads, "N", {1, 1024}, "of cross_attention");
  v.real("--fusion-dropout", o.fusion_dropout, "P", {.least = 0, .most = 0.99},
         "of cross_attention");
  v.text("--position", o.position, "WORDS",
         "embedding of 3D positions, such as avg-discrete-sin3d");
  v.choice("--ground-head", o.ground_head, vlm::kGroundTypes, "a grounding head");
  v.choice("--object-features", o.object_features, kObjectModes,
           "which tokens objects are means of");
}

void visit_steps(TrainVerb& o, OptionVisitor& v) {
  v.group("Steps");
  v.open_integer("--epochs", o.epochs, "N", {1, 1 << 20}, "times that each sample is seen [1]");
  v.open_integer("--steps", o.steps, "N", {1, kMany}, "steps in place of --epochs");
  v.open_integer("--batch", o.batch, "N", {1, 1 << 20},
                 "samples a step (default: 128, of video3d-llm 16, of spatial 64)");
  v.integer("--micro-batch", o.micro_batch, "N", {1, 1 << 20},
            "samples whose mean --loss-division released takes");
  v.choice("--loss-division", o.division, kDivisions, "(default: token, of spatial released)");
  v.choice("--sampler", o.sampler, kSamplers, "");
  v.integer("--step-scenes", o.step_scenes, "N", {1, 1 << 20}, "scenes a step (sampler scene)");
  v.integer("--scene-questions", o.scene_questions, "N", {1, 1 << 20},
            "questions a scene and step (sampler scene)");
  v.choice("--schedule", o.schedule, kSchedules, "of the learning rate");
  v.real("--warmup", o.warmup, "SHARE", {.least = 0, .most = 1},
         "share of the steps in which the rate grows from 0");
  v.open_real("--clip", o.clip, "NORM", {.least = 0},
              "longest gradient over all parts; 0: any (default: 1, of spatial 0)");
  v.open_real("--weight-decay", o.weight_decay, "X", {.least = 0},
              "of matrices; of spatial of all but biases and layer norms (default: 0, of spatial "
              "0.01)");
  v.real("--beta1", o.beta1, "X", {.least = 0, .most = 0.999999}, "of AdamW");
  v.real("--beta2", o.beta2, "X", {.least = 0, .most = 0.999999}, "of AdamW");
  v.real("--epsilon", o.epsilon, "X", {.least = 0, .above_least = true}, "of AdamW");
  v.integer("--visual-from", o.visual_from, "STEP", {0, kMany},
            "steps before this one (from 0) have no visual tokens in their sequences");
  v.flag("--augment-turn", o.augment_turn, "turn each room by any angle, anew each step");
  v.real("--augment-shift", o.augment_shift, "M", {.least = 0},
         "shift each room by up to M metres");
  v.integer("--augment-frames", o.augment_frames, "N", {0, 1 << 20},
            "keep N frames of each scene, others each step; 0: all");
  v.integer("--seed", o.seed, "N", {0, std::numeric_limits<std::int64_t>::max()},
            "of order, dropout, augmentation and initial values");
}

void visit_run(TrainVerb& o, OptionVisitor& v) {
  v.group("Output");
  v.text("-o,--out", o.out, "DIR", "folder of the run; a run that was stopped goes on in it");
  v.flag("--overwrite", o.overwrite, "remove the run that is there and begin anew");
  v.integer("--save-every", o.save_every, "N", {1, kMany}, "steps between checkpoints");
  v.integer("--keep", o.keep, "N", {1, 1 << 20}, "newest checkpoints that stay, beside the best");
  o.validation.visit(v);
  v.group("Device");
  DeviceOptions::visit_device(v, o.device.device, "where to compute");
  v.choice("--dtype", o.device.dtype, kComputeTypes,
           "compute type (default: fp32 on cpu, bf16 on cuda); what trains is kept in fp32");
  v.choice("--recompute", o.recompute, kOnOff,
           "compute layers again in the backward pass, for less memory");
  v.integer("--pass-tokens", o.pass_tokens, "N", {1, 1 << 24},
            "tokens that the decoder reads at a time");
  v.real("--scene-memory", o.scene_memory, "GIB", {.least = 0}, "of scenes that are kept");
  RunOptions::visit_threads(v, o.threads);
  v.group("Ranks");
  v.choice("--launcher", o.launcher, kLaunchers, "who started the processes that train together");
  v.real("--rank-timeout", o.rank_timeout, "S", {.least = 0, .above_least = true},
         "seconds in which all ranks must have come, and after which one that does nothing ends "
         "the run");
  v.choice("--collectives", o.collectives, kCollectives,
           "what gradients and layers on GPUs travel by between ranks");
  v.integer("--zero", o.zero, "LEVEL", {0, 3},
            "what each rank keeps of its own alone, as ZeRO names it: 0 nothing, 1 its part of the "
            "optimiser's state, 2 of gradients too, 3 of the decoder's layers too");
}

}  // namespace

std::map<vlm::Part, double> parse_rates(const std::string& option, const std::string& text) {
  std::map<vlm::Part, double> out;
  for (const std::string& part : comma_parts(text)) {
    const auto equals = part.find('=');
    if (equals == part.npos)
      throw UsageError(explain(option, "'" + part + "'", "PART=RATE, such as lora=1e-4"));
    const auto which = choice_of<vlm::Part>(vlm::kParts, option, part.substr(0, equals));
    if (!out.emplace(which, real_number(option, part.substr(equals + 1), {.least = 0})).second)
      throw UsageError(explain(option, "'" + part.substr(0, equals) + "' twice", "each part once"));
  }
  return out;
}

void TrainVerb::visit(OptionVisitor& v) {
  v.group("Model");
  v.text("--checkpoint", checkpoint, "DIR",
         "what training begins with: a VEGA-3D, Video-3D-LLM or LLaVA-Video checkpoint, a "
         "Qwen2.5-VL with or without generative branch, a LoRA folder, or a checkpoint of "
         "vega-train");
  vlm::visit_base(v, base);
  v.text("--model", model, "DIR",
         "the Wan2.1-T2V of Qwen2.5-VL's generative branch (default: the folder that config.json "
         "names)");
  v.text("--prompt", prompt, "FILE",
         "embedding of the empty prompt for it (default: beside --model)");
  visit_data(*this, v);
  visit_parts(*this, v);
  visit_steps(*this, v);
  visit_run(*this, v);
}

int TrainVerb::workers() const {
  return threads > 0 ? static_cast<int>(threads) : available_cores();
}

}  // namespace vega::train
