#include "train/training_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <map>
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
#include "train/deal.h"
#include "train/forecast.h"
#include "train/guarded_step.h"
#include "train/lent_layers.h"
#include "train/metrics_file.h"
#include "train/metrics_log.h"
#include "train/owned_gradients.h"
#include "train/read_pictures.h"
#include "train/run_state.h"
#include "train/scene_feed.h"
#include "train/step_result.h"
#include "train/validate_run.h"

namespace vega::train {
namespace {

constexpr std::size_t kNamedSamples = 8;

class TrainingRun {
 public:
  TrainingRun(const TrainingParts& parts, MemoryMeter& meter, const Context& context)
      : parts_(parts),
        setup_(parts.setup),
        recipe_(parts.setup.recipe),
        ranks_(parts.ranks),
        meter_(meter),
        context_(context),
        model_(setup_.base, model_of_rank(setup_, ranks_.rank(), ranks_.count())),
        optimizer_(model_.trained(),
                   {recipe_.beta1, recipe_.beta2, recipe_.epsilon, recipe_.weight_decay},
                   recipe_.zero > 0 ? StateShare{ranks_.rank(), ranks_.count()} : StateShare{},
                   recipe_.decay),
        sampler_(setup_.sampler()),
        schedule_(setup_.schedule()) {
    if (ranks_.count() > 1)
      owned_.emplace(ranks_, model_.trained(),
                     recipe_.zero > 1 ? optimizer_.owners()
                                      : std::vector<int>(model_.trained().size(), kEveryRank));
    if (recipe_.zero > 2 && ranks_.count() > 1)
      lent_.emplace(ranks_, model_, optimizer_.owners(), *owned_);
  }

  // All ranks call it together: what it reads of files may take as long as it likes.
  void begin() {
    say_parts();
    resume();
    if (parts_.folder != nullptr) metrics_.emplace(parts_.folder->path() / kMetricsFile, step_);
  }

  void run() {
    if (parts_.validation != nullptr && step_ > 0) validate_if_due();
    const auto load = [this](std::size_t scene) {
      const ScenePlace& place = setup_.data.scenes[scene];
      return place.shows() ? read_pictures(place, recipe_, model_.checkpoint(), setup_.videos)
                           : read_place(place, recipe_, model_.checkpoint());
    };
    SceneFeed feed(load, scenes_from(setup_, step_, ranks_.rank()), recipe_.scene_bytes);
    RunForecast forecast(setup_, step_);
    Progress progress("train", "step", setup_.plan.steps - step_,
                      ranks_.first() ? context_.progress : ProgressMode::kOff);
    while (step_ < setup_.plan.steps) {
      guarded_step(
          setup_.plan.steps, [&] { return save_done(); },
          [&] {
            one_step(feed, progress, forecast);
            if (saves()) save();
          });
      if (parts_.validation != nullptr) validate_if_due();
    }
    ranks_.together([&] {
      if (parts_.folder != nullptr) parts_.folder->mark_finished(step_);
    });
    log_info("{}: finished after {}", recipe_.out.string(),
             plural(static_cast<std::size_t>(step_), "step"));
  }

 private:
  bool saves() const {
    const bool validates =
        parts_.validation != nullptr && parts_.validation->is_due(step_, setup_.plan.steps);
    return step_ == setup_.plan.steps || validates || step_ % recipe_.save_every == 0;
  }

  // All ranks save together. A rank that alone keeps a part of the optimiser's state may be gone:
  // then nothing is saved. Returns how many steps are.
  std::int64_t save_done() {
    const bool lost = optimizer_.share().ranks > 1 && ranks_.broken();
    if (step_ == saved_ || lost) return saved_;
    save_state(ranks_, parts_.folder, step_, setup_, model_, optimizer_, counters_.json());
    return saved_ = step_;
  }

  void save() {
    if (metrics_) metrics_->sync();
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
    log_info("{} numbers train; {}; {} with {} an epoch", all,
             plural(static_cast<std::size_t>(setup_.plan.steps), "step"),
             plural(setup_.data.samples.size(), "sample"),
             plural(static_cast<std::size_t>(setup_.data.targets()), "target"));
  }

  void resume() {
    if (!parts_.newest) return;
    counters_ = Counters(restore_state(*parts_.newest, model_, optimizer_));
    if (parts_.folder != nullptr) warn_of_other_bits(*parts_.folder, *parts_.newest, recipe_);
    step_ = saved_ = parts_.newest->step;
    log_info("goes on after step {} of {}", step_, setup_.plan.steps);
  }

  void one_step(SceneFeed& feed, Progress& progress, RunForecast& forecast) {
    const auto start = Clock::now();
    meter_.restart();
    optimizer_.clear_gradients();
    if (owned_) owned_->clear();
    StepResult result;
    const std::vector<Json> told = ranks_.share_steadily([&] {
      add_scenes(feed, result);
      return ranks_.count() == 1 ? Json() : told_to_others(result);
    });
    std::int64_t memory = 0;
    if (ranks_.count() > 1) result = put_together(told, memory);
    on_device(recipe_.model.placement.device, [&] { update(result, told); });
    result.seconds = seconds_since(start);
    memory = std::max(memory, meter_.peak());
    ++step_;
    counters_.add(result);
    if (!metrics_) return;
    metrics_->add(metrics_line(result, step_, setup_.plan.per_epoch, rates_at(step_ - 1), memory));
    progress.label(fmt::format("loss {:.4f}, rate {:.2e}, {:.0f} tokens/s, {}", result.loss,
                               largest_rate(step_ - 1),
                               static_cast<double>(result.tokens) / result.seconds,
                               bytes_text(static_cast<double>(memory))));
    progress.add();
    if (const auto line = forecast.after_step(result.seconds, memory)) log_info("{}", *line);
  }

  void add_scenes(SceneFeed& feed, StepResult& result) {
    const auto dealt = scenes_of_ranks(setup_, sampler_, step_);
    const auto& own = dealt[static_cast<std::size_t>(ranks_.rank())];
    if (!owned_) return add_own(own, feed, result);
    if (recipe_.zero > 1) return add_in_rounds(dealt, feed, result);
    const std::exception_ptr failure = failure_of([&] { add_own(own, feed, result); });
    exchange([&] { owned_->end_round(); });
    if (failure != nullptr) std::rethrow_exception(failure);
  }

  // Gradients of this rank's scenes add up; with those of the last one they leave for other ranks.
  void add_own(const std::vector<StepScene>& own, SceneFeed& feed, StepResult& result) {
    check_stop();
    for (const StepScene& work : own) {
      if (owned_ && &work == &own.back()) owned_->begin_round(work.passes);
      add_next(work, feed, result);
    }
  }

  // All ranks exchange gradients behind each scene, and layers within it. One that fails, or has no
  // scene left, goes on with nothing.
  void add_in_rounds(const std::vector<std::vector<StepScene>>& dealt, SceneFeed& feed,
                     StepResult& result) {
    const auto& own = dealt[static_cast<std::size_t>(ranks_.rank())];
    std::exception_ptr failure;
    for (std::size_t n = 0; const auto most = most_passes(dealt, n); ++n) {
      exchange([&] {
        // Where layers come from others, all ranks exchange gradients at the same moments.
        owned_->begin_round(lent_ || n >= own.size() ? *most : own[n].passes);
        if (lent_) lent_->begin_round(*most);
      });
      if (failure == nullptr)
        failure = failure_of([&] {
          check_stop();
          if (n < own.size()) add_next(own[n], feed, result);
        });
      exchange([&] {
        if (lent_) lent_->end_round();
        owned_->end_round();
      });
    }
    if (failure != nullptr) std::rethrow_exception(failure);
  }

  // The others wait for this rank's part: where it fails they end as well.
  template <typename Work>
  void exchange(const Work& work) {
    try {
      on_device(recipe_.model.placement.device, work);
    } catch (const RankError&) {
      throw;
    } catch (const Error& error) {
      ranks_.give_up(error.what());
    }
  }

  void add_next(const StepScene& work, SceneFeed& feed, StepResult& result) {
    check_stop();
    if (ranks_.stop_asked()) throw Stopped("another rank was stopped");
    ranks_.alive();
    add_scene(work, *feed.take(work.scene), result);
  }

  Json told_to_others(const StepResult& result) const {
    return {{"sums", result.sums()},
            {"gradients", owned_->gradients()},
            {"memory", meter_.peak()},
            {"norm_before", norm_}};
  }

  // The sums of all ranks, in their order. memory: the most that any of them has.
  StepResult put_together(const std::vector<Json>& told, std::int64_t& memory) {
    StepResult out;
    std::size_t idle = 0;
    for (std::size_t r = 0; r < told.size(); ++r) {
      const Json& one = told[r];
      out.add(one["sums"]);
      memory = std::max(memory, one["memory"].whole().value_or(0));
      idle += one["sums"]["samples"].whole() == 0 ? 1 : 0;
      if (one["norm_before"] == told[0]["norm_before"]) continue;
      ranks_.leave_speaking_to_first();
      throw RankError(
          explain(fmt::format("step {}", step_),
                  fmt::format("gradient norm {} of rank {}, {} of rank 0",
                              one["norm_before"].dump(), r, told[0]["norm_before"].dump()),
                  "the same bits on all ranks",
                  "the ranks have other programs or processors, or memory that is at fault"));
    }
    if (idle > 0 && !idle_said_) {
      log_info("step {} has fewer scenes than there are ranks: {} of {} have nothing to do",
               step_ + 1, idle, told.size());
      idle_said_ = true;
    }
    return out;
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

  // Clips and steps, where everything is finite; each rank moves what it owns.
  void update(StepResult& result, const std::vector<Json>& told) {
    std::vector<std::string> of_ranks;
    for (const Json& one : told) of_ranks.emplace_back(one["gradients"].text_or(""));
    if (owned_) owned_->put(of_ranks);
    result.norm = norm_ = owned_ && recipe_.zero > 1 ? optimizer_.gradient_norm(ranks_, of_ranks)
                                                     : optimizer_.gradient_norm();
    if (!std::isfinite(result.loss) || !std::isfinite(result.norm)) refuse(result);
    optimizer_.clip(result.norm, recipe_.clip);
    optimizer_.step(rates_at(step_));
    optimizer_.spread_values(ranks_, of_ranks);
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
    ranks_.leave_speaking_to_first();
    const auto newest = parts_.folder != nullptr ? parts_.folder->newest() : std::nullopt;
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

  // Rank 0 asks the questions, the others wait for it.
  void validate_if_due() {
    if (!parts_.validation->is_due(step_, setup_.plan.steps)) return;
    ranks_.together([&] {
      if (parts_.folder != nullptr) validate(*parts_.validation, *parts_.folder);
    });
  }

  void validate(const Validation& validation, RunFolder& folder) {
    if (validation.is_done(folder.path(), step_)) return mark_best_again(validation, folder);
    const ValidationResult result =
        validation.run(answers_of({setup_, model_, lent_.has_value()}, validation, folder, step_),
                       step_, folder.path());
    log_info("step {}: {}", step_, result.text);
    if (result.best) folder.mark_best(step_, result.metric, result.value);
  }

  // Of a run that was killed behind the line of its scores.
  void mark_best_again(const Validation& validation, RunFolder& folder) {
    const auto found = validation.best_so_far(folder.path());
    if (!found || found->step != step_) return;
    const auto marked = folder.best();
    if (!marked || marked->step != step_) folder.mark_best(step_, found->metric, found->value);
  }

  const TrainingParts& parts_;
  TrainSetup& setup_;
  const Recipe& recipe_;
  Ranks& ranks_;
  MemoryMeter& meter_;
  const Context& context_;
  vlm::TrainModel model_;
  Optimizer optimizer_;
  std::optional<OwnedGradients> owned_;  // of several ranks
  std::optional<LentLayers> lent_;       // with --zero 3
  Sampler sampler_;
  Schedule schedule_;
  Counters counters_;
  std::optional<MetricsLog> metrics_;  // of rank 0
  std::int64_t step_ = 0, saved_ = 0;
  double norm_ = 0;  // of the last step's gradients
  bool idle_said_ = false;
};

}  // namespace

void train_steps(const TrainingParts& parts, MemoryMeter& meter, const Context& context) {
  std::optional<TrainingRun> run;
  parts.ranks.together([&] {
    run.emplace(parts, meter, context);
    run->begin();
  });
  run->run();
}

}  // namespace vega::train
