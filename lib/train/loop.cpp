#include "train/loop.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/stop.h"
#include "base/text.h"
#include "core/on_device.h"
#include "store/step_folder.h"
#include "train/forecast.h"
#include "train/guarded_step.h"
#include "train/memory_meter.h"
#include "train/metrics_file.h"
#include "train/metrics_log.h"
#include "train/run_state.h"
#include "train/scene_feed.h"
#include "train/scene_files.h"
#include "train/step_result.h"
#include "train/step_work.h"

namespace vega::train {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kNamedSamples = 8;

// The scenes of the steps to come, in order.
SceneFeed::Next scenes_from(const TrainSetup& setup, std::int64_t step) {
  struct Line {
    Sampler sampler;
    std::int64_t step;
    std::vector<StepScene> scenes = {};
    std::size_t place = 0;
  };
  const auto line = std::make_shared<Line>(Line{setup.sampler(), step});
  return [line, &setup]() -> std::optional<std::size_t> {
    while (line->place == line->scenes.size()) {
      if (line->step >= setup.plan.steps) return std::nullopt;
      line->scenes =
          step_scenes(line->sampler.step(line->step++), setup.data, setup.recipe.division);
      line->place = 0;
    }
    return line->scenes[line->place++].scene;
  };
}

class TrainingRun {
 public:
  TrainingRun(TrainSetup& setup, RunFolder& folder, MemoryMeter& meter, const Context& context,
              const Validation* validation)
      : setup_(setup),
        recipe_(setup.recipe),
        folder_(folder),
        meter_(meter),
        context_(context),
        validation_(validation),
        model_(setup.base, setup.recipe.model),
        optimizer_(model_.trained(),
                   {recipe_.beta1, recipe_.beta2, recipe_.epsilon, recipe_.weight_decay}),
        sampler_(setup.sampler()),
        schedule_(setup.schedule()) {}

  void run() {
    say_parts();
    resume();
    MetricsLog metrics(folder_.path() / kMetricsFile, step_);
    if (validation_ != nullptr && step_ > 0) validate_if_due();
    const auto load = [this](std::size_t scene) {
      return read_place(setup_.data.scenes[scene], recipe_, model_.checkpoint());
    };
    SceneFeed feed(load, scenes_from(setup_, step_), recipe_.scene_bytes);
    RunForecast forecast(setup_, step_);
    Progress progress("train", "step", setup_.plan.steps - step_, context_.progress);
    while (step_ < setup_.plan.steps) {
      guarded_step(
          step_, setup_.plan.steps, [&] { save_done(); },
          [&] { one_step(feed, metrics, progress, forecast); });
      const bool last = step_ == setup_.plan.steps;
      const bool validates =
          validation_ != nullptr && validation_->is_due(step_, setup_.plan.steps);
      if (last || validates || step_ % recipe_.save_every == 0) save(metrics);
      if (validates) validate_if_due();
    }
    folder_.mark_finished(step_);
    log_info("{}: finished after {}", folder_.path().string(),
             plural(static_cast<std::size_t>(step_), "step"));
  }

 private:
  void save_done() {
    if (step_ > saved_) save_state(folder_, step_, setup_, model_, optimizer_, counters_.json());
    saved_ = step_;
  }

  void save(MetricsLog& metrics) {
    metrics.sync();
    save_done();
  }

  void say_parts() const {
    std::map<vlm::Part, std::pair<std::int64_t, std::int64_t>> parts;  // tensors, numbers
    std::int64_t all = 0;
    for (const vlm::Trained& one : model_.trained()) {
      ++parts[one.part].first;
      parts[one.part].second += one.tensor.numel();
      all += one.tensor.numel();
    }
    for (const auto& [part, count] : parts)
      log_info("trains {}: {} numbers in {} at rate {:g}", vlm::name_of(part), count.second,
               part == vlm::Part::kLora ? plural(static_cast<std::size_t>(count.first / 2), "pair")
                                        : plural(static_cast<std::size_t>(count.first), "tensor"),
               recipe_.rates.at(part));
    log_info("{} numbers train; {} of {} samples and {} targets", all,
             plural(static_cast<std::size_t>(setup_.plan.steps), "step"),
             setup_.data.samples.size(), target_sum());
  }

  std::int64_t target_sum() const {
    std::int64_t out = 0;
    for (const EntryCount& entry : setup_.data.entries) out += entry.targets;
    return out;
  }

  void resume() {
    const auto newest = folder_.newest();
    if (!newest) return;
    counters_ = Counters(restore_state(folder_, *newest, model_, optimizer_));
    warn_of_other_bits(folder_, *newest, setup_.recipe);
    step_ = saved_ = newest->step;
    log_info("goes on after step {} of {}", step_, setup_.plan.steps);
  }

  void one_step(SceneFeed& feed, MetricsLog& metrics, Progress& progress, RunForecast& forecast) {
    const auto start = Clock::now();
    meter_.restart();
    const SampledStep sampled = sampler_.step(step_);
    optimizer_.clear_gradients();
    StepResult result;
    for (const StepScene& work : step_scenes(sampled, setup_.data, recipe_.division)) {
      check_stop();
      add_scene(work, *feed.take(work.scene), result);
    }
    on_device(recipe_.model.placement.device, [&] { update(result); });
    result.seconds = seconds_since(start);
    ++step_;
    counters_.add(result);
    metrics.add(
        metrics_line(result, step_, setup_.plan.per_epoch, rates_at(step_ - 1), meter_.peak()));
    progress.label(fmt::format("loss {:.4f}, rate {:.2e}, {:.0f} tokens/s, {}", result.loss,
                               largest_rate(step_ - 1),
                               static_cast<double>(result.tokens) / result.seconds,
                               bytes_text(static_cast<double>(meter_.peak()))));
    progress.add();
    if (const auto line = forecast.after_step(result.seconds, meter_.peak())) log_info("{}", *line);
  }

  void add_scene(const StepScene& work, const vlm::SceneInput& input, StepResult& result) {
    const std::string& key = setup_.data.scenes[work.scene].key;
    const auto step = static_cast<std::uint32_t>(step_);
    std::optional<Augmentation> change;
    if (recipe_.augment.any())
      change = draw_augmentation(recipe_.augment, recipe_.seed, step, key, frame_count(input),
                                 room_middle(input));
    std::vector<vlm::TrainSample> samples;
    for (std::size_t n = 0; n < work.samples.size(); ++n) {
      samples.push_back(setup_.data.samples[work.samples[n]].sample);
      samples.back().weight = work.weights[n];
      if (change) samples.back().coords = moved(samples.back().coords, change->move);
    }
    vlm::PassOptions how;
    how.dropout = DropoutKey{recipe_.seed, step, key};
    how.see_visual = step_ >= recipe_.visual_from;
    const vlm::PassResult pass = change
                                     ? model_.add_gradients(augmented(input, *change), samples, how)
                                     : model_.add_gradients(input, samples, how);
    result.add(samples, pass);
  }

  // Clips and steps, where everything is finite.
  void update(StepResult& result) {
    result.norm = optimizer_.gradient_norm();
    if (!std::isfinite(result.loss) || !std::isfinite(result.norm)) refuse(result);
    optimizer_.clip(result.norm, recipe_.clip);
    optimizer_.step(rates_at(step_));
  }

  std::map<std::string, double> rates_at(std::int64_t step) const {
    std::map<std::string, double> rates;
    for (const auto& [part, rate] : recipe_.rates)
      rates.emplace(vlm::name_of(part), rate * schedule_.factor(step));
    return rates;
  }

  [[noreturn]] void refuse(const StepResult& result) {
    std::vector<std::string> names = result.bad;
    if (names.empty())
      for (const auto& batch : sampler_.step(step_).batches)
        for (const std::size_t i : batch) names.push_back(setup_.data.samples[i].sample.id);
    std::string listed;
    for (std::size_t i = 0; i < std::min(names.size(), kNamedSamples); ++i)
      listed += (i == 0 ? "" : ", ") + names[i];
    if (names.size() > kNamedSamples)
      listed += fmt::format(" and {} more", names.size() - kNamedSamples);
    const auto newest = folder_.newest();
    throw ModelError(explain(
        fmt::format("step {}", step_ + 1),
        fmt::format("loss {}, gradient norm {}", result.loss, result.norm), "finite numbers",
        fmt::format("samples {}; nothing was updated; the last checkpoint is {}; a smaller --rate "
                    "or --clip may help, in a folder of its own",
                    listed, newest ? newest->path.string() : "none")));
  }

  double largest_rate(std::int64_t step) const {
    double out = 0;
    for (const auto& [part, rate] : rates_at(step)) out = std::max(out, rate);
    return out;
  }

  void validate_if_due() {
    if (!validation_->is_due(step_, setup_.plan.steps)) return;
    if (validation_->is_done(folder_.path(), step_)) return mark_best_again();
    ValidationSetup how;
    how.model = {recipe_.model.placement, recipe_.model.switches};
    how.model.switches.spatial_instruction = false;  // of training alone, as released
    how.model_id = folder_.path().filename().string();
    how.read_scene = [this](const std::string& scene) {
      const ScenePlace place =
          place_of(scene, recipe_, model_.checkpoint(), validation_->needs_objects());
      return read_place(place, recipe_, model_.checkpoint());
    };
    const ValidationResult result = validation_->run(model_.snapshot(), step_, folder_.path(), how);
    log_info("step {}: {}", step_, result.text);
    if (result.best) folder_.mark_best(step_, result.metric, result.value);
  }

  // Of a run that was killed behind the line of its scores.
  void mark_best_again() {
    const auto found = validation_->best_so_far(folder_.path());
    if (!found || found->step != step_) return;
    const auto marked = folder_.best();
    if (!marked || marked->step != step_) folder_.mark_best(step_, found->metric, found->value);
  }

  TrainSetup& setup_;
  const Recipe& recipe_;
  RunFolder& folder_;
  MemoryMeter& meter_;
  const Context& context_;
  const Validation* validation_;
  vlm::TrainModel model_;
  Optimizer optimizer_;
  Sampler sampler_;
  Schedule schedule_;
  Counters counters_;
  std::int64_t step_ = 0, saved_ = 0;
};

// Files of held-out scenes are looked for before the first step.
void check_validation(const Validation& validation, const TrainSetup& setup) {
  for (const std::string& scene : validation.scenes()) {
    const ScenePlace place =
        place_of(scene, setup.recipe, setup.planned, validation.needs_objects());
    if (const std::string lack = what_is_missing(place); !lack.empty())
      throw InputError(explain("--validate", lack, "the files of every scene that is asked about",
                               "make them with vega-extract"));
  }
}

constexpr auto kRunDetails =
    R"(Trains parts of a checkpoint on annotated questions about scenes, whose features are read from
files. The folder of the run holds run.json, metrics.jsonl (a line a step) and checkpoints
step-*/, which vega-eval answer and vega-fuse tokens take as they are. The same command again goes
on with a run that was stopped: its weights are those of a run that never was, bit for bit. A run
that has ended says so and changes nothing.

Examples:
  vega-train run --checkpoint vlm --data mixture.json --scenes scenes --semantic features/siglip \
      --features features/wan -o run
  vega-train run --preset lora --checkpoint vlm --data mixture.yaml --scenes scenes \
      --semantic features/siglip --features features/wan -o run --epochs 1 --batch 128 --device cuda

See also: plot, inspect; docs/training.md, docs/formats.md)";

}  // namespace

RunResult run_training(const TrainVerb& options, const Context& context,
                       const tasks::ReadScored& score) {
  TrainSetup setup(options);
  at::set_num_threads(setup.recipe.threads);
  MemoryMeter meter(setup.recipe.model.placement.device);
  std::optional<Validation> validation;
  if (!setup.recipe.validation.files.empty()) {
    validation.emplace(setup.recipe.validation, score);
    check_validation(*validation, setup);
  }
  log_info("data:\n{}", setup.data.table());
  RunFolder folder(setup.recipe.out, setup.identity(),
                   {setup.recipe.keep, setup.recipe.overwrite,
                    changed_data(setup.recipe.out, setup.data.files)});
  if (const auto step = folder.finished()) {
    log_info("{}: finished already, after {}; nothing is changed", folder.path().string(),
             plural(static_cast<std::size_t>(*step), "step"));
    return {};
  }
  record_data(folder.path(), setup.data.files);
  TrainingRun(setup, folder, meter, context, validation ? &*validation : nullptr).run();
  context.manifest(folder.path().filename().string(), folder.newest()->path.string());
  return {};
}

Verb run_verb(tasks::ReadScored score) {
  const auto options = std::make_shared<TrainVerb>();
  return {"run", "trains a model", kRunDetails, [options](OptionVisitor& v) { options->visit(v); },
          [options, score = std::move(score)](const Context& context) {
            return run_training(*options, context, score).exit_code;
          }};
}

}  // namespace vega::train
