// Passes of a run, out of annotations, and what they take.
#include "train/plan.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "store/scene_file.h"
#include "train/deal.h"
#include "train/schedule.h"
#include "train/step_work.h"
#include "vlm/train_sequence.h"

namespace vega::train {
namespace {

using vlm::Part;

constexpr std::int64_t kMostSteps = 1000;  // that are looked at; others are taken to be like them
constexpr std::int64_t kAhead = 4;         // scenes that a run holds beside those that it keeps

std::int64_t frames_of(const TrainSetup& setup, const ScenePlace& place) {
  const std::int64_t kept = setup.recipe.augment.frames;
  return kept > 0 ? std::min(kept, place.frames) : place.frames;
}

StoredParts stored_parts(const ScenePlace& place) {
  if (!place.shows()) return {};
  return {!place.semantic.empty(), !place.generative.empty()};
}

// The steps of [first, last) that are looked at, evenly spread.
std::vector<std::int64_t> looked_at(std::int64_t first, std::int64_t last) {
  std::vector<std::int64_t> out;
  const std::int64_t steps = last - first, count = std::min(steps, kMostSteps);
  for (std::int64_t i = 0; i < count; ++i) out.push_back(first + i * steps / count);
  return out;
}

// Distinct targets: those of the shared beginning count once.
std::int64_t target_rows(const vlm::PackedPass& pass) {
  std::set<std::pair<std::int64_t, std::int64_t>> rows;
  for (const vlm::WordTarget& word : pass.words) rows.insert({word.row, word.target});
  return static_cast<std::int64_t>(rows.size());
}

// Bytes of these scenes that a rank holds: all of them where they fit, else as many as it may keep.
double scene_cache(const TrainSetup& setup, const ModelSize& model, const MemoryPlace& place,
                   const std::set<std::size_t>& scenes) {
  if (place.device) return 0;
  double all = 0, largest = 0;
  for (const std::size_t i : scenes) {
    const ScenePlace& scene = setup.data.scenes[i];
    const double bytes =
        scene_memory(model, scene.frames, static_cast<std::int64_t>(scene.boxes.size()),
                     scene.picture_tokens, stored_parts(scene));
    all += bytes;
    largest = std::max(largest, bytes);
  }
  return std::min(all, setup.recipe.scene_bytes + static_cast<double>(kAhead) * largest);
}

// The passes of one rank and step, each with what it finds of gradients. handed_on: those of a
// scene are gone when the next one begins. counted: the plan counts all of them beside the passes.
void mark_first(std::vector<PlannedPass>& passes, bool handed_on, bool counted) {
  for (std::size_t i = 0; i < passes.size(); ++i) {
    passes[i].size.first = counted && (handed_on ? passes[i].first : i == 0);
    passes[i].size.first_scene = counted && (handed_on || passes[i].scene == passes[0].scene);
  }
}

}  // namespace

std::vector<PassSize> pass_sizes(const vlm::VlmConfig& config, std::int64_t pass_tokens,
                                 std::span<const vlm::TrainSample* const> samples,
                                 std::int64_t visual_tokens) {
  std::vector<vlm::TrainPrompt> prompts;
  for (const vlm::TrainSample* sample : samples)
    prompts.push_back(vlm::train_prompt(*sample, visual_tokens > 0, config.control));
  std::vector<PassSize> out;
  for (const vlm::PackedPass& pass :
       vlm::pack(prompts, visual_tokens, config.most_tokens, pass_tokens, config.control)) {
    PassSize one;
    one.visual_tokens = visual_tokens;
    one.tokens = pass.layout.tokens();
    one.own = one.tokens - pass.layout.prefix;
    one.packed = pass.layout.prefix > 0 && one.own > 0;
    one.questions = std::ssize(pass.layout.lengths);
    one.targets = target_rows(pass);
    one.grounds = std::any_of(pass.queries.begin(), pass.queries.end(),
                              [](std::int64_t row) { return row >= 0; });
    out.push_back(one);
  }
  return out;
}

std::vector<PlannedPass> passes_of_step(const TrainSetup& setup, Sampler& sampler, std::int64_t k) {
  std::vector<PlannedPass> out;
  const bool sees = k >= setup.recipe.visual_from;
  for (const StepScene& work : step_scenes(sampler.step(k), setup.data, setup.recipe.division)) {
    const ScenePlace& scene = setup.data.scenes[work.scene];
    const std::int64_t frames = frames_of(setup, scene);
    const std::int64_t visual = sees ? scene.visual_tokens(setup.planned.config, frames) : 0;
    std::vector<const vlm::TrainSample*> samples;
    for (const std::size_t i : work.samples) samples.push_back(&setup.data.samples[i].sample);
    bool first = true;
    // A gate that reads the question makes other tokens for each of them.
    const std::size_t together = reads_question(setup.planned) ? 1 : samples.size();
    for (std::size_t i = 0; i < samples.size(); i += together) {
      for (PassSize& size : pass_sizes(setup.planned.config, setup.recipe.model.pass_tokens,
                                       std::span(samples).subspan(i, together), visual)) {
        size.frames = frames;
        if (scene.shows()) size.visual_tokens = visual * frames;
        size.stored = stored_parts(scene);
        size.objects = static_cast<std::int64_t>(scene.boxes.size());
        out.push_back({work.scene, size, first});
        first = false;
      }
    }
  }
  return out;
}

MemoryPlan planned_memory(const TrainSetup& setup) {
  RankShare share{setup.recipe.ranks, setup.recipe.zero, true};
  Sampler sampler = setup.sampler();
  std::vector<std::vector<PlannedPass>> all;  // of a step and rank
  std::vector<std::set<std::size_t>> scenes(static_cast<std::size_t>(share.ranks));
  if (share.ranks == 1)
    for (std::size_t i = 0; i < setup.data.scenes.size(); ++i) scenes[0].insert(i);
  for (const std::int64_t k : looked_at(0, setup.plan.steps))
    for (auto& passes : passes_of_ranks(setup, sampler, k)) {
      for (const PlannedPass& pass : passes) {
        if (!pass.first) share.one_pass = false;
        scenes[all.size() % scenes.size()].insert(pass.scene);
      }
      all.push_back(std::move(passes));
    }
  MemoryPlan out = weight_memory(setup.planned, setup.recipe.model, share);
  const bool handed_on = share.keeps(2);
  // Whether the plan's gradients are all of a rank's own passes (weight_memory).
  const bool counted =
      !handed_on ||
      out.gradients >= 4 * trained_numbers(setup.planned, setup.recipe.model) + out.moments / 2;
  const MemoryPlace place = memory_place(setup.recipe.model.placement);
  ModelSize model = model_size(setup.planned, setup.recipe.model, share);
  if (counted) model.late_gradients = 0;
  ModelSize kept = model;
  kept.recompute = !model.recompute;
  for (const auto& of_rank : scenes)
    out.scenes = std::max(out.scenes, scene_cache(setup, model, place, of_rank));
  for (std::vector<PlannedPass>& passes : all) {
    mark_first(passes, handed_on, counted);
    for (const PlannedPass& pass : passes) {
      const PassMemory here = pass_memory(model, pass.size, place);
      if (here.peak <= out.pass.peak) continue;
      out.pass = here;
      out.otherwise = pass_memory(kept, pass.size, place).peak;
    }
  }
  return out;
}

StepSums sums_of_steps(const TrainSetup& setup, const StepSpeed& speed, std::int64_t first,
                       std::int64_t last) {
  const std::vector<std::int64_t> steps = looked_at(first, last);
  if (steps.empty()) return {};
  const ModelSize model = model_size(setup.planned, setup.recipe.model);
  const double numbers = trained_numbers(setup.planned, setup.recipe.model);
  StepSums out;
  Sampler sampler = setup.sampler();
  for (const std::int64_t k : steps) {
    out.seconds += speed.update * numbers;
    double slowest = 0;
    for (const auto& passes : passes_of_ranks(setup, sampler, k)) {
      double seconds = 0;
      for (const PlannedPass& pass : passes) {
        seconds += speed.pass(model, pass.size);
        const bool looks = pass.size.visual_tokens > 0 || pass.size.grounds;
        if (pass.first && looks) seconds += speed.scene(model, pass.size);
        out.tokens += static_cast<double>(pass.size.tokens);
        ++out.passes;
      }
      slowest = std::max(slowest, seconds);
    }
    out.seconds += slowest;
  }
  const double share = static_cast<double>(last - first) / static_cast<double>(std::ssize(steps));
  out.seconds *= share, out.tokens *= share, out.passes *= share;
  return out;
}

RunPlan planned_run(const TrainSetup& setup, const StepSpeed& speed) {
  RunPlan out;
  std::map<Part, PartCount> parts;
  for (const vlm::TrainedSpec& spec :
       vlm::trained_specs(setup.planned, setup.recipe.model.parts, setup.recipe.model.lora)) {
    PartCount& part = parts[spec.part];
    part.part = spec.part;
    ++part.tensors;
    part.numbers += element_count(spec.shape);
    part.rate = setup.recipe.rates.at(spec.part);
  }
  for (const auto& [part, count] : parts) out.parts.push_back(count);
  out.memory = planned_memory(setup);
  out.recompute = setup.recipe.model.recompute;
  out.warmup = warmup_steps(setup.recipe.warmup, setup.plan.scheduled);
  const StepSums sums = sums_of_steps(setup, speed, 0, setup.plan.steps);
  out.tokens = sums.tokens, out.passes = sums.passes;
  out.seconds = sums.seconds;
  out.step_seconds = out.seconds / static_cast<double>(std::max<std::int64_t>(1, setup.plan.steps));
  out.checkpoint_bytes = 12 * trained_numbers(setup.planned, setup.recipe.model);
  // The last ones, the best, and the one that is being written.
  const std::int64_t best = setup.recipe.validation.files.empty() ? 0 : 1;
  const std::int64_t saved =
      (setup.plan.steps + setup.recipe.save_every - 1) / setup.recipe.save_every;
  out.disk_bytes =
      out.checkpoint_bytes * static_cast<double>(std::min(setup.recipe.keep + best, saved) + 1);
  return out;
}

}  // namespace vega::train
