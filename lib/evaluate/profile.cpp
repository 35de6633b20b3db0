#include "evaluate/profile.h"

#include <cmath>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "core/device.h"
#include "core/dtype.h"
#include "evaluate/answer_inputs.h"
#include "evaluate/open_files.h"
#include "evaluate/profile_report.h"
#include "run/output_names.h"
#include "store/join.h"

namespace vega::evaluate {
namespace {

constexpr auto kProfileHelp =
    R"(Measures what the first token of an answer costs on this machine: latency, peak memory, TFLOP, and the time of VAE and
DiT, always beside the same checkpoint without its generative branch, and beside the paper's figures. The cost depends on
shapes, not on values: without a scene the inputs are made up in the checkpoint's shapes.

Examples:
  vega-eval profile --cached --checkpoint VEGA-3D --device cuda
  vega-eval profile --online --checkpoint VEGA-3D --model Wan2.1-T2V-1.3B --size 1280x720 --device cuda --plot cost.pdf
  vega-eval profile scene0011_00 --cached --checkpoint VEGA-3D --semantic features/siglip --features features/wan \
      --scenes scenes -o profile.json

See also: vega-eval answer, vega-extract features --dry-run; docs/profile.md)";

void check_options(const ProfileVerb& o) {
  if (o.cached == o.online)
    throw UsageError(explain("profile", o.cached ? "--cached and --online" : "neither of the two",
                             "--cached or --online", "--online measures cached features, too"));
  if (o.checkpoint.empty())
    throw UsageError(explain("--checkpoint", "nothing", "a folder with a model"));
  if (o.inputs.size() > 1)
    throw UsageError(
        explain("profile", std::to_string(o.inputs.size()) + " scenes", "one or none"));
  if (o.online && o.model.empty())
    throw UsageError(explain("--online", "no --model", "the folder of a diffusion model",
                             "for a trial: vega-synth model --preset wan-tiny -o DIR"));
  if (!o.inputs.empty() && o.semantic.empty())
    throw UsageError(explain("profile " + o.inputs[0], "no --semantic",
                             "the folder of its semantic features",
                             "or leave the scene out: its shapes are made up then"));
  if (!o.plot.empty()) static_cast<void>(page_format(o.plot));
}

ScenePaths paths_of(const ProfileVerb& o, const vlm::Needs& needs) {
  const std::string& key = o.inputs[0];
  ScenePaths out;
  out.semantic = file_of_scene("--semantic", o.semantic, key, "vega-extract features");
  if (needs.generative)
    out.generative = file_of_scene("--features", o.features, key, "vega-extract features");
  if (needs.positions) out.scene = file_of_scene("--scenes", o.scenes, key, "vega-extract scene");
  return out;
}

BackboneOptions diffusion_options(const ProfileVerb& o, const vlm::VlmCheckpoint& checkpoint,
                                  const Placement& placement) {
  const TrainedOn& trained = checkpoint.modules.trained_on;
  BackboneOptions out;
  out.model = o.model;
  out.prompt = o.prompt;
  out.device = placement.device;
  out.dtype = placement.dtype;
  if (trained.width > 0)
    out.size = {static_cast<int>(trained.width), static_cast<int>(trained.height)};
  if (o.size) out.size = *o.size;
  if (trained.block >= 0) out.blocks = {trained.block};
  if (trained.timestep >= 0) out.timesteps = {std::llround(trained.timestep)};
  if (trained.shift > 0) out.shift = trained.shift;
  const std::int64_t channels = make_backbone(out)->taps().front().channels;
  if (channels != checkpoint.modules.generative->in)
    throw InputError(explain(o.model, std::to_string(channels) + " channels",
                             std::to_string(checkpoint.modules.generative->in) + ", as " +
                                 checkpoint.path.string() + " takes",
                             "the diffusion model that it was trained with"));
  return out;
}

// All that `profile` is told of the device, the model and the measurement; the scene is not in it.
ProfileJob job_of(const ProfileVerb& o) {
  ProfileJob job;
  job.placement.device = use_device(parse_device(o.device.device));
  const DType type =
      o.device.dtype.value_or(job.placement.device.is_cuda() ? DType::kBF16 : DType::kF32);
  job.placement.dtype = scalar_type(type);
  job.checkpoint = o.checkpoint;
  job.checkpoint_options = {.base = o.base, .tokenizer = {}, .merged = type};
  job.tower = o.tower;
  job.tap = o.tap;
  job.switches = chosen_switches({}, text::Control::kText);
  job.question = o.question;
  job.repeats = o.repeats;
  job.warmup = o.warmup;
  job.threads = o.workers();
  return job;
}

// The head of the record; its rows are measured later.
Profile profile_of(const ProfileVerb& o, const ProfileJob& job,
                   const vlm::VlmCheckpoint& checkpoint, std::string_view published) {
  Profile out;
  out.checkpoint = o.checkpoint;
  out.fingerprint = checkpoint.fingerprint();
  out.family = vlm::name_of(checkpoint.family);
  out.device = device_name(job.placement.device);
  out.dtype = vega::name_of(dtype_of(job.placement.dtype));
  out.on_cpu = !job.placement.device.is_cuda();
  out.made_up = o.inputs.empty();
  out.trained = !checkpoint.modules.initial_values;
  out.threads = job.threads;
  out.frames = job.frames();
  out.repeats = o.repeats;
  out.warmup = o.warmup;
  out.question = o.question;
  if (job.diffusion) out.size = to_string(job.diffusion->size);
  out.published = read_published_profiles(published);
  return out;
}

std::vector<ProfileSetting> settings_of(const ProfileVerb& o, bool generative) {
  std::vector<ProfileSetting> out{ProfileSetting::kNone};
  if (generative) out.push_back(ProfileSetting::kCached);
  if (o.online) out.push_back(ProfileSetting::kOnline);
  return out;
}

}  // namespace

int run_profile(const ProfileVerb& o, std::string_view published, const Context& context) {
  check_options(o);
  keep_freed_memory();
  ProfileJob job = job_of(o);
  const vlm::VlmCheckpoint checkpoint =
      vlm::open_checkpoint(job.checkpoint, job.checkpoint_options);
  const bool generative = checkpoint.config.generative;
  if (!generative && o.online)
    throw InputError(explain(o.checkpoint, "no generative branch", "a VEGA-3D checkpoint",
                             "--cached measures the model as it is"));
  std::optional<OpenFiles> open;  // while it is measured
  if (o.inputs.empty()) {
    job.scene = made_scene(checkpoint, o.frames);
  } else {
    // Another recipe is allowed: costs do not depend on values.
    open.emplace(paths_of(o, checkpoint.needs()), FileChoice{.tap = o.tap, .allow_mismatch = true});
    job.scene = vlm::read_scene(checkpoint, open->files, job.switches);
    job.generative = open->files.generative;
  }
  if (o.online) job.diffusion = diffusion_options(o, checkpoint, job.placement);
  Profile profile = profile_of(o, job, checkpoint, published);
  if (!generative) log_warn("{} has no generative branch: only the model as it is", o.checkpoint);
  if (!checkpoint.tower && o.tower.empty())
    log_warn("{} has no vision tower: its time is left out; --tower names one", o.checkpoint);
  for (const ProfileSetting setting : settings_of(o, generative)) {
    log_info("measuring: {}", name_in<ProfileSetting>(kProfileSettings, setting));
    profile.rows.push_back(measure(job, setting));
  }
  context.print(profile_table(profile).write(o.format));
  if (!o.out.empty()) publish_output(o.out, to_json(profile).dump(2) + "\n");
  if (!o.plot.empty())
    publish_output(o.plot, draw_page(page_format(o.plot), kProfilePage.width, kProfilePage.height,
                                     plot_profile(profile)));
  return 0;
}

Verb profile_verb(std::string_view published) {
  const auto options = std::make_shared<ProfileVerb>();
  return {"profile", "latency, memory, TFLOP of an answer", kProfileHelp,
          [options](OptionVisitor& v) { options->visit(v); },
          [options, published](const Context& context) {
            return run_profile(*options, published, context);
          }};
}

}  // namespace vega::evaluate
