#include "evaluate/profile.h"

#include <cmath>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "core/device.h"
#include "core/dtype.h"
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

// The files of a scene, open while it is measured.
struct SceneOfFiles {
  std::optional<FeatureReader> semantic, generative;
  std::optional<SceneReader> scene;

  void open(const ProfileVerb& o, const vlm::Needs& needs) {
    const std::string& key = o.inputs[0];
    semantic.emplace(file_of_scene("--semantic", o.semantic, key, "vega-extract features"));
    if (needs.generative)
      generative.emplace(file_of_scene("--features", o.features, key, "vega-extract features"));
    if (needs.positions)
      scene.emplace(file_of_scene("--scenes", o.scenes, key, "vega-extract scene"));
  }

  vlm::SceneInput read(const vlm::VlmCheckpoint& checkpoint, const ProfileVerb& o,
                       const vlm::Switches& switches) const {
    vlm::SceneFiles files;
    files.semantic = &*semantic;
    if (generative) files.generative = &*generative;
    if (scene) files.scene = &*scene;
    files.generative_tap = o.tap;
    files.allow_mismatch = true;  // costs do not depend on values
    return vlm::read_scene(checkpoint, files, switches);
  }
};

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

}  // namespace

int run_profile(const ProfileVerb& o, std::string_view published, const Context& context) {
  check_options(o);
  keep_freed_memory();
  ProfileJob job;
  job.placement.device = use_device(parse_device(o.device.device));
  const bool on_cpu = !job.placement.device.is_cuda();
  const DType type = o.device.dtype.value_or(on_cpu ? DType::kF32 : DType::kBF16);
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

  const vlm::VlmCheckpoint checkpoint =
      vlm::open_checkpoint(job.checkpoint, job.checkpoint_options);
  const bool generative = checkpoint.config.generative;
  if (!generative && o.online)
    throw InputError(explain(o.checkpoint, "no generative branch", "a VEGA-3D checkpoint",
                             "--cached measures the model as it is"));
  SceneOfFiles files;
  if (o.inputs.empty()) {
    job.scene = made_scene(checkpoint, o.frames);
  } else {
    files.open(o, checkpoint.needs());
    job.scene = files.read(checkpoint, o, job.switches);
    if (files.generative) job.generative = &*files.generative;
  }
  if (o.online) job.diffusion = diffusion_options(o, checkpoint, job.placement);

  Profile profile;
  profile.checkpoint = o.checkpoint;
  profile.fingerprint = checkpoint.fingerprint();
  profile.family = vlm::name_of(checkpoint.family);
  profile.device = device_name(job.placement.device);
  profile.dtype = vega::name_of(type);
  profile.on_cpu = on_cpu;
  profile.made_up = o.inputs.empty();
  profile.trained = !checkpoint.modules.initial_values;
  profile.threads = job.threads;
  profile.frames = job.frames();
  profile.repeats = o.repeats;
  profile.warmup = o.warmup;
  profile.question = o.question;
  if (job.diffusion) profile.size = to_string(job.diffusion->size);
  profile.published = read_published_profiles(published);
  std::vector<ProfileSetting> settings{ProfileSetting::kNone};
  if (generative) settings.push_back(ProfileSetting::kCached);
  if (o.online) settings.push_back(ProfileSetting::kOnline);
  if (!generative) log_warn("{} has no generative branch: only the model as it is", o.checkpoint);
  if (!checkpoint.tower && o.tower.empty())
    log_warn("{} has no vision tower: its time is left out; --tower names one", o.checkpoint);
  for (const ProfileSetting setting : settings) {
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
