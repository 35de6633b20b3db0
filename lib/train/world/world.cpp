#include "train/world/world.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/stop.h"
#include "base/text.h"
#include "core/on_device.h"
#include "models/wan/checkpoint.h"
#include "models/wan/prompt_file.h"
#include "train/guarded_step.h"
#include "train/memory_meter.h"
#include "train/metrics_file.h"
#include "train/metrics_log.h"
#include "train/part_folder.h"
#include "train/run_folder.h"
#include "train/world/latents.h"
#include "train/world/model_folder.h"
#include "train/world/world_state.h"
#include "train/world/world_step.h"

namespace vega::train {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kNamedClips = 8;
constexpr double kLossMemory = 0.98;  // of the running loss that a model's record states

// Sums over all steps of a run.
struct WorldCounters {
  std::int64_t frames = 0;
  double loss = 0;

  explicit WorldCounters(const Json& figures = {})
      : frames(figures["frames"].whole().value_or(0)), loss(figures["loss"].number().value_or(0)) {}
  void add(const WorldStepResult& result) {
    loss = frames == 0 ? result.loss : kLossMemory * loss + (1 - kLossMemory) * result.loss;
    frames += result.frames;
  }
  Json figures() const { return {{"frames", frames}, {"loss", loss}}; }
};

class WorldRun {
 public:
  WorldRun(const WorldRecipe& recipe, const std::vector<Walk>& walks, RunFolder& folder,
           MemoryMeter& meter, WorldState& state, const LatentStore& latents)
      : recipe_(recipe),
        walks_(walks),
        folder_(folder),
        meter_(meter),
        state_(state),
        latents_(latents),
        drawer_(lengths(walks), recipe.clips, recipe.seed) {}

  void run(const Context& context) {
    resume();
    MetricsLog metrics(folder_.path() / kMetricsFile, step_);
    Progress progress("train", "step", recipe_.steps - step_, context.progress);
    while (step_ < recipe_.steps) {
      guarded_step(
          recipe_.steps, [&] { return save(); }, [&] { one_step(metrics, progress); });
      if (step_ < recipe_.steps && step_ % recipe_.save_every != 0) continue;
      metrics.sync();
      save();
    }
  }

  static std::vector<std::size_t> lengths(const std::vector<Walk>& walks) {
    std::vector<std::size_t> out;
    for (const Walk& walk : walks) out.push_back(walk.frames.size());
    return out;
  }

 private:
  Json computed_with() const { return Json{{"threads", recipe_.threads}}; }

  void resume() {
    const auto newest = folder_.newest();
    if (!newest) return;
    state_.restore(folder_, *newest);
    counters_ = WorldCounters(folder_.state(*newest)["figures"]);
    warn_of_other_bits(folder_, *newest, computed_with());
    step_ = saved_ = newest->step;
    log_info("goes on after step {} of {}", step_, recipe_.steps);
  }

  std::int64_t save() {
    if (step_ > saved_)
      state_.save(folder_, step_,
                  Json{{"kind", "world"},
                       {"computed_with", computed_with()},
                       {"figures", counters_.figures()}});
    return saved_ = step_;
  }

  void one_step(MetricsLog& metrics, Progress& progress) {
    const auto start = Clock::now();
    meter_.restart();
    const std::vector<Clip> clips = drawer_.step(step_);
    const double rate = recipe_.rate * recipe_.schedule.factor(step_);
    state_.optimizer().clear_gradients();
    WorldStepResult result = add_gradients(recipe_, state_, latents_, step_, clips);
    on_device(recipe_.device, [&] {
      result.norm = state_.optimizer().gradient_norm();
      if (!std::isfinite(result.loss) || !std::isfinite(result.norm)) refuse(result, clips);
      state_.optimizer().clip(result.norm, recipe_.clip);
      state_.optimizer().step(std::map<std::string, double>{{"model", rate}});
      state_.average(step_ + 1);
    });
    result.seconds = seconds_since(start);
    ++step_;
    counters_.add(result);
    metrics.add(result.line(step_, rate, meter_.peak()));
    progress.label(fmt::format("loss {:.4f}, rate {:.2e}, {:.0f} frames/s, {}", counters_.loss,
                               rate, static_cast<double>(result.frames) / result.seconds,
                               bytes_text(static_cast<double>(meter_.peak()))));
    progress.add();
  }

  [[noreturn]] void refuse(const WorldStepResult& result, const std::vector<Clip>& clips) const {
    std::vector<std::size_t> which = result.bad;
    if (which.empty()) {
      which.resize(clips.size());
      std::iota(which.begin(), which.end(), std::size_t{0});
    }
    std::string listed;
    for (std::size_t i = 0; i < std::min(which.size(), kNamedClips); ++i)
      listed += "\n    " + clip_text(walks_, clips[which[i]]);
    if (which.size() > kNamedClips)
      listed += fmt::format("\n    and {} more", which.size() - kNamedClips);
    const auto newest = folder_.newest();
    throw ModelError(
        explain(fmt::format("step {}", step_ + 1),
                fmt::format("loss {}, gradient norm {}", result.loss, result.norm),
                "finite numbers",
                fmt::format("nothing was updated; the last checkpoint is {}; a smaller --rate or "
                            "--clip may help, in a folder of its own",
                            newest ? newest->path.string() : "none")) +
        "\n  clips:" + listed);
  }

  const WorldRecipe& recipe_;
  const std::vector<Walk>& walks_;
  RunFolder& folder_;
  MemoryMeter& meter_;
  WorldState& state_;
  const LatentStore& latents_;
  ClipDrawer drawer_;
  WorldCounters counters_;
  std::int64_t step_ = 0, saved_ = 0;
};

// Says how many pictures train and how much memory their latents take. Refuses more than --memory.
void check_pictures(const WorldRecipe& recipe, const std::vector<Walk>& walks) {
  const std::size_t pictures = picture_count(walks),
                    roomy = ClipDrawer(WorldRun::lengths(walks), recipe.clips, 0).roomy();
  const double bytes = LatentStore::bytes(pictures, recipe.size, recipe.clips.mirror);
  log_info("{} of {} in {}; their latents{} take {}", plural(pictures, "picture"),
           to_string(recipe.size), plural(walks.size(), "walk"),
           recipe.clips.mirror ? ", mirrored ones too," : "", bytes_text(bytes));
  if (roomy < walks.size() && recipe.clips.frames > 1)
    log_warn("{} of {} {} too short for a clip of {} frames: {}", walks.size() - roomy,
             plural(walks.size(), "walk"), walks.size() - roomy == 1 ? "is" : "are",
             recipe.clips.frames,
             roomy == 0 ? "every step sees single frames" : "seen as single frames alone");
  if (bytes > recipe.latent_bytes)
    throw InputError(explain("latents", bytes_text(bytes),
                             "at most " + bytes_text(recipe.latent_bytes) + " (--memory)",
                             "take fewer frames (--every), a smaller --size or --mirror off, or "
                             "give more --memory"));
}

Json identity_of(const WorldRecipe& recipe, const std::vector<Walk>& walks) {
  Json out = recipe.describe();
  out.set("data", fingerprint_of(walks, recipe.threads));
  if (!recipe.from.empty()) out.set("from", wan::open_checkpoint(recipe.from).fingerprint());
  if (!recipe.vae.empty()) out.set("vae", wan::open_checkpoint(recipe.vae).fingerprint());
  return out;
}

std::string trained_on(const WorldRecipe& recipe, const std::vector<Walk>& walks) {
  const std::string counted =
      fmt::format("{}, {} of {}", plural(walks.size(), "walk"),
                  plural(picture_count(walks), "picture"), to_string(recipe.size));
  return recipe.note.empty() ? counted : recipe.note + " (" + counted + ")";
}

// Only a network whose text parts speak reads it.
at::Tensor prompt_of(const WorldRecipe& recipe) {
  if (recipe.from.empty()) return {};
  return wan::read_prompt_file(wan::find_prompt("", recipe.from), recipe.dit.text_dim);
}

// The VAE is read back from RUN/initial, where it has the type of the file: a run that goes on
// encodes with the same numbers.
wan::LinearVae prepare_vae(const WorldRecipe& recipe, const std::vector<Walk>& walks,
                           const RunFolder& folder, const Parameters& values) {
  if (!has_initial(folder)) {
    const wan::LinearVae vae =
        recipe.vae.empty() ? fit_vae(walks, recipe) : wan::read_linear_vae(recipe.vae);
    if (recipe.vae.empty())
      log_info(
          "the VAE keeps {:.4f} of what its 16 principal components hold, and {:.3f} of the "
          "variance of pixels",
          vae.r2, vae.pixel_r2);
    write_initial(folder, recipe, values, vae, prompt_of(recipe), trained_on(recipe, walks));
  }
  return wan::read_linear_vae(folder.path() / kInitialFolder);
}

WorldExport last_model(const WorldRecipe& recipe, const std::vector<Walk>& walks,
                       const RunFolder& folder) {
  WorldExport how;
  how.out = folder.path() / kModelFolder;
  how.layout = recipe.layout;
  how.dtype = recipe.store_dtype;
  how.block = recipe.block;
  how.timestep = recipe.timestep;
  how.note = trained_on(recipe, walks);
  return how;
}

// The model of a run that has finished, where it is gone or the command asks for another type,
// layout or record: nothing of that changes the training.
void renew_model(WorldExport how, const RunFolder& folder, std::int64_t steps) {
  const std::string difference = difference_of(how), run = folder.path().string();
  const std::string after = fmt::format("{}: finished already, after {}", run,
                                        plural(static_cast<std::size_t>(steps), "step"));
  if (difference.empty()) return log_info("{}; nothing is changed", after);
  const auto newest = folder.newest();
  if (!newest || newest->step != steps)
    throw InputError(explain(
        run, fmt::format("a run whose model {}, and no checkpoint of step {}", difference, steps),
        "that checkpoint, to write the model again",
        "give -o another folder, or --overwrite to train anew"));
  std::error_code error;
  how.replace = fs::exists(how.out, error);
  write_world_model(*newest, how);
  log_info("{}; its model {}: it is written again", after, difference);
}

constexpr auto kWorldHelp =
    R"(Trains a small video generator in the layout of Wan2.1 on walks through rooms, by flow matching: clips of a few frames
and single frames, noised, are to become clear again. Whoever can do so knows something about the room. Its VAE is written
down from the principal components of the pictures. The folder of the run holds run.json, metrics.jsonl, checkpoints
step-*/, initial/ (the same network before training, as a control) and at the end model/, which vega-extract features
takes. The same command again goes on with a run that was stopped, bit for bit as if it had never been.

Examples:
  vega-train world rooms/* -o run --note "my flat"
  vega-train world walk.mp4 --select fps:4 --steps 3000 -o run && vega-extract features walk.mp4 --model run

See also: export, plot, inspect; docs/world.md)";

}  // namespace

RunResult run_world(const WorldOptions& options, const Context& context) {
  const WorldRecipe recipe = resolve_world(options);
  at::set_num_threads(recipe.threads);
  MemoryMeter meter(recipe.device);
  const std::vector<Walk> walks = open_walks(recipe);
  check_pictures(recipe, walks);
  RunFolder folder(recipe.out, identity_of(recipe, walks), {recipe.keep, recipe.overwrite});
  const std::string name = folder.path().filename().string();
  const fs::path model = folder.path() / kModelFolder;
  if (const auto step = folder.finished()) {
    renew_model(last_model(recipe, walks, folder), folder, *step);
    context.manifest(name, model.string());
    return {};
  }
  std::error_code error;
  if (fs::exists(model, error)) remove_whole_folder(model);  // of a run that was begun anew
  const Parameters values = starting_values(recipe);
  const wan::LinearVae vae = prepare_vae(recipe, walks, folder, values);
  WorldState state(recipe, values, prompt_of(recipe));
  log_info("{} numbers train, in {} blocks of width {}, in {} on {}", state.trained_numbers(),
           recipe.dit.layers, recipe.dit.dim, name_of(recipe.dtype),
           recipe.device.is_cuda() ? "cuda" : "the CPU");
  const LatentStore latents = encode_walks(walks, vae, recipe, context);
  WorldRun(recipe, walks, folder, meter, state, latents).run(context);
  write_world_model(*folder.newest(), last_model(recipe, walks, folder));
  folder.mark_finished(recipe.steps);
  log_info("{}: finished after {}", folder.path().string(),
           plural(static_cast<std::size_t>(recipe.steps), "step"));
  context.manifest(name, model.string());
  return {};
}

void export_world(const ExportOptions& options, const StepFolder& step, bool replace) {
  WorldExport how;
  how.out = options.out;
  how.layout = options.layout == ModelLayout::kOriginal ? wan::ModelLayout::kOriginal
                                                        : wan::ModelLayout::kDiffusers;
  how.dtype = options.dtype;
  how.block = options.block;
  how.timestep = options.timestep;
  if (!options.note.empty()) how.note = options.note;
  how.replace = replace;
  write_world_model(step, how);
  log_info("{}: the model after {}", options.out,
           plural(static_cast<std::size_t>(step.step), "step"));
}

Verb world_verb() {
  return make_verb("world", "train a small generator on walks", kWorldHelp, run_world);
}

}  // namespace vega::train
