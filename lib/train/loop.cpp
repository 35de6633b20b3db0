#include "train/loop.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "ranks/ranks.h"
#include "store/decide.h"
#include "train/data_record.h"
#include "train/scene_files.h"
#include "train/training_run.h"
#include "train/validate_pictures.h"

namespace vega::train {
namespace {

// Files of held-out scenes are looked for before the first step.
void check_validation(const Validation& validation, const TrainSetup& setup) {
  if (setup.planned.pictures) return check_videos(validation, setup.videos);
  for (const std::string& scene : validation.scenes()) {
    const ScenePlace place =
        place_of(scene, setup.recipe, setup.planned, validation.needs_objects());
    if (const std::string lack = what_is_missing(place); !lack.empty())
      throw InputError(explain("--validate", lack, "the files of every scene that is asked about",
                               "make them with vega-extract"));
  }
}

// What the model can be asked while it trains.
AskedTasks asked_tasks(const vlm::VlmCheckpoint& planned) {
  if (!planned.pictures) return {};
  return {kShownTasks, "a Qwen2.5-VL model, which is shown videos,"};
}

constexpr auto kRunDetails =
    R"(Trains parts of a checkpoint on annotated questions about scenes, whose features are read from
files. A Qwen2.5-VL is shown pictures and videos instead, with or without VEGA-3D's generative
branch. The folder of the run holds run.json, metrics.jsonl (a line a step) and checkpoints
step-*/, which vega-eval answer and vega-fuse tokens take as they are. The same command again goes
on with a run that was stopped: its weights are those of a run that never was, bit for bit. A run
that has ended says so and changes nothing.

Processes that torchrun or srun started share the work of every step; steps, rates and weights are
those of one process, to rounding.

Examples:
  vega-train run --checkpoint vlm --data mixture.json --scenes scenes --semantic features/siglip \
      --features features/wan -o run
  vega-train run --preset lora --checkpoint vlm --data mixture.yaml --scenes scenes \
      --semantic features/siglip --features features/wan -o run --epochs 1 --batch 128 --device cuda
  vega-train run --preset spatial --checkpoint Qwen2.5-VL-3B-Instruct --model Wan2.1-T2V-1.3B \
      --data spatial.json -o run --device cuda
  srun --ntasks=4 --cpus-per-task=8 vega-train run --checkpoint vlm --data mixture.json \
      --scenes scenes --semantic features/siglip --features features/wan -o run

See also: plot, inspect; docs/training.md, docs/formats.md)";

// What a rank computes with: its share of the node's cores, and its own device.
TrainVerb options_of_rank(TrainVerb options, const RankPlace& place) {
  if (place.count == 1) return options;
  if (options.threads == 0) {
    // SLURM may have bound each rank to its own cores already.
    const int cores = options.workers(), all = place.node_cores > 0 ? place.node_cores : cores;
    options.threads = std::clamp(all / place.local_count, 1, cores);
  }
  if (options.device.device == "cuda")
    options.device.device = fmt::format("cuda:{}", place.local_rank);
  return options;
}

// All ranks must see the same settings, data and base.
void check_same(const Ranks& ranks, const std::vector<Json>& identities) {
  for (std::size_t r = 1; r < identities.size(); ++r) {
    if (identities[r] == identities[0]) continue;
    ranks.leave_speaking_to_first();
    std::string text = fmt::format("rank {} has another run than rank 0; nothing was changed", r);
    for (const auto& line : option_differences(identities[0].dump(), identities[r].dump()))
      text += "\n  " + line;
    throw RefusedError(text +
                       "\n  start all ranks with one command, and let all see the same files");
  }
}

// Rank 0 opens the folder and says what there is.
struct OpenedFolder {
  std::unique_ptr<RunFolder> folder;  // of rank 0
  std::optional<std::int64_t> finished;
  std::optional<StepFolder> newest;
};

OpenedFolder open_folder(const TrainSetup& setup, const Json& identity, Ranks& ranks) {
  OpenedFolder out;
  const Json told = ranks.share([&]() -> Json {
    if (!ranks.first()) return {};
    const Recipe& recipe = setup.recipe;
    out.folder =
        std::make_unique<RunFolder>(recipe.out, identity,
                                    RunFolderOptions{recipe.keep, recipe.overwrite,
                                                     changed_data(recipe.out, setup.data.files)});
    out.finished = out.folder->finished();
    out.newest = out.folder->newest();
    if (!out.finished) record_data(recipe.out, setup.data.files);
    return {{"finished", out.finished ? Json(*out.finished) : Json()},
            {"newest", out.newest ? Json(out.newest->step) : Json()}};
  })[0];
  if (ranks.first()) return out;
  out.finished = told["finished"].whole();
  if (const auto step = told["newest"].whole())
    out.newest = StepFolder{*step, setup.recipe.out / step_name(*step)};
  return out;
}

RunResult run_of_ranks(const TrainVerb& options, const Context& context,
                       const tasks::ReadScored& score, const VideoAccess& videos, Ranks& ranks) {
  std::optional<TrainSetup> setup;
  std::optional<Validation> validation;
  const auto identities = ranks.share([&] {
    setup.emplace(options, Purpose::kRun, videos);
    setup->recipe.ranks = ranks.count();
    at::set_num_threads(setup->recipe.threads);
    return setup->identity();
  });
  check_same(ranks, identities);
  if (const std::string how = ranks.use(setup->recipe.model.placement.device, options.collectives);
      !how.empty())
    log_info("{}", how);
  MemoryMeter meter(setup->recipe.model.placement.device);
  ranks.together([&] {
    if (setup->recipe.validation.files.empty()) return;
    validation.emplace(setup->recipe.validation, score, asked_tasks(setup->planned));
    check_validation(*validation, *setup);
  });
  for (const std::string& line : setup->data.lines()) log_info("data: {}", line);
  const OpenedFolder opened = open_folder(*setup, identities[0], ranks);
  const std::string name = setup->recipe.out.string();
  if (opened.finished) {
    log_info("{}: finished already, after {}; nothing is changed", name,
             plural(static_cast<std::size_t>(*opened.finished), "step"));
    return {};
  }
  train_steps(
      {*setup, ranks, opened.folder.get(), opened.newest, validation ? &*validation : nullptr},
      meter, context);
  if (opened.folder)
    context.manifest(opened.folder->path().filename().string(),
                     opened.folder->newest()->path.string());
  return {};
}

}  // namespace

RunResult run_training(const TrainVerb& options, const Context& context,
                       const tasks::ReadScored& score, const VideoAccess& videos) {
  const RankPlace place =
      rank_place(options.launcher, [](const char* name) { return getenv(name); });
  if (place.count > 1 && place.rank > 0)
    start_log(fmt::format("vega-train rank {}", place.rank), LogLevel::kWarn);
  if (place.launcher != Launcher::kNone) log_info("{}", place.text());
  const auto ranks = Ranks::join(place, "run in " + options.out, options.rank_timeout);
  return run_of_ranks(options_of_rank(options, place), context, score, videos, *ranks);
}

Verb run_verb(tasks::ReadScored score, VideoAccess videos) {
  const auto options = std::make_shared<TrainVerb>();
  return {"run", "trains a model", kRunDetails, [options](OptionVisitor& v) { options->visit(v); },
          [options, score = std::move(score), videos = std::move(videos)](const Context& context) {
            return run_training(*options, context, score, videos).exit_code;
          }};
}

}  // namespace vega::train
