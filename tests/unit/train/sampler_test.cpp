// Which samples each step has: the released numbers, no sample lost, positions that are steps.
#include "train/sampler.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "train/setup.h"

using namespace vega;
using namespace vega::train;
using tasks::Task;

namespace {

std::vector<SampledItem> items_of(const std::map<Task, std::size_t>& counts, std::size_t scenes) {
  std::vector<SampledItem> out;
  for (const auto& [task, count] : counts)
    for (std::size_t i = 0; i < count; ++i)
      out.push_back({task, static_cast<std::int64_t>(5 + (i * 7919) % 41), i % scenes});
  return out;
}

// Sample -> how often it comes in the first `steps` steps.
std::map<std::size_t, int> seen(Sampler& sampler, std::int64_t steps) {
  std::map<std::size_t, int> out;
  for (std::int64_t k = 0; k < steps; ++k)
    for (const auto& batch : sampler.step(k).batches)
      for (const std::size_t i : batch) ++out[i];
  return out;
}

std::vector<std::vector<std::size_t>> batches_of(Sampler& sampler, std::int64_t k) {
  return sampler.step(k).batches;
}

}  // namespace

TEST_CASE("the released mixture has 1741 steps of 222,848 samples, and 1743 are planned") {
  const auto items = items_of({{Task::kSqa3d, 79'445},
                               {Task::kScanQa, 26'515},
                               {Task::kScan2Cap, 36'665},
                               {Task::kScanRefer, 36'665},
                               {Task::kMulti3DRefer, 43'838}},
                              562);
  REQUIRE(items.size() == 223'128);
  Sampler released(items, {.batch = 128, .drop_last = true});
  CHECK(released.steps_per_epoch() == 1741);
  CHECK(seen(released, 1741).size() == 222'848);
  Recipe recipe;
  recipe.epochs = 1;
  recipe.drop_last = true;
  CHECK(step_plan(recipe, 1741, 223'128).scheduled == 1743);
  CHECK(step_plan(recipe, 1741, 223'128).steps == 1741);
  Sampler all(items, {.batch = 128});
  CHECK(all.steps_per_epoch() == 1741 + 3);
  const auto counts = seen(all, all.steps_per_epoch());
  CHECK(counts.size() == items.size());
  CHECK(std::ranges::all_of(counts, [](const auto& one) { return one.second == 1; }));
}

TEST_CASE("a full last batch of a group is dropped as released") {
  Sampler released(items_of({{Task::kScanQa, 256}, {Task::kScan2Cap, 129}}, 4),
                   {.batch = 128, .drop_last = true});
  CHECK(released.steps_per_epoch() == 2);  // (256 - 1) / 128 + (129 - 1) / 128
  CHECK_THROWS_AS(Sampler(items_of({{Task::kScanQa, 128}}, 4), {.batch = 128, .drop_last = true}),
                  InputError);
}

TEST_CASE("128 samples, batch 16, two epochs: 16 steps, each epoch in its own order") {
  Sampler sampler(items_of({{Task::kScanQa, 128}}, 4), {.batch = 16});
  Recipe recipe;
  recipe.epochs = 2;
  CHECK(step_plan(recipe, sampler.steps_per_epoch(), 128).steps == 16);
  const auto counts = seen(sampler, 16);
  CHECK(counts.size() == 128);
  CHECK(std::ranges::all_of(counts, [](const auto& one) { return one.second == 2; }));
  CHECK(batches_of(sampler, 0) != batches_of(sampler, 8));
  CHECK(sampler.step(7).epoch == 0);
  CHECK(sampler.step(8).epoch == 1);
}

TEST_CASE("a step has one group of tasks, the longest sample first, dealt evenly") {
  const auto items = items_of(
      {{Task::kScanQa, 50}, {Task::kSqa3d, 51}, {Task::kScan2Cap, 33}, {Task::kNr3d, 40}}, 5);
  Sampler sampler(items, {.batch = 16, .micro_batch = 4});
  CHECK(sampler.steps_per_epoch() == 7 + 3 + 3);
  bool order_of_groups_varies = false;
  int last = -1;
  for (std::int64_t k = 0; k < 13; ++k) {
    const SampledStep step = sampler.step(k);
    std::set<int> groups;
    std::int64_t longest = 0;
    std::vector<std::int64_t> sums;
    for (const auto& batch : step.batches) {
      CHECK(batch.size() <= 4);
      sums.push_back(0);
      for (const std::size_t i : batch) {
        groups.insert(task_group(items[i].task));
        longest = std::max(longest, items[i].length);
        sums.back() += items[i].length;
      }
    }
    REQUIRE(groups.size() == 1);
    if (last > *groups.begin()) order_of_groups_varies = true;
    last = *groups.begin();
    CHECK(items[step.batches[0][0]].length == longest);
    if (step.size() == 16) CHECK(std::ranges::max(sums) - std::ranges::min(sums) <= longest);
  }
  CHECK(order_of_groups_varies);
}

TEST_CASE("a step depends on its number alone") {
  const auto items = items_of({{Task::kScanQa, 70}, {Task::kScanRefer, 45}}, 6);
  for (const SamplerKind kind :
       {SamplerKind::kTaskLength, SamplerKind::kRandom, SamplerKind::kScene}) {
    const SamplerOptions options{.kind = kind, .batch = 8, .scenes = 2, .questions = 3, .seed = 7};
    Sampler forward(items, options), anew(items, options);
    std::vector<std::vector<std::vector<std::size_t>>> all;
    const std::int64_t steps = 2 * forward.steps_per_epoch();
    for (std::int64_t k = 0; k < steps; ++k) all.push_back(batches_of(forward, k));
    for (std::int64_t k = steps - 1; k >= 0; k -= 3)
      CHECK(batches_of(anew, k) == all[static_cast<std::size_t>(k)]);
    SamplerOptions other = options;
    other.seed = 8;
    Sampler elsewhere(items, other);
    CHECK(batches_of(elsewhere, 0) != all[0]);
    CHECK(forward.state(5)["step"] == Json(5));
  }
}

TEST_CASE("scene: a few scenes a step, some questions about each, none lost") {
  const auto items = items_of({{Task::kScanQa, 61}, {Task::kScanRefer, 44}}, 6);
  Sampler sampler(items, {.kind = SamplerKind::kScene, .scenes = 2, .questions = 4, .seed = 3});
  const auto counts = seen(sampler, sampler.steps_per_epoch());
  CHECK(counts.size() == items.size());
  CHECK(std::ranges::all_of(counts, [](const auto& one) { return one.second == 1; }));
  for (std::int64_t k = 0; k < sampler.steps_per_epoch(); ++k) {
    std::map<std::size_t, int> scenes;
    for (const auto& batch : sampler.step(k).batches)
      for (const std::size_t i : batch) ++scenes[items[i].scene];
    CHECK(scenes.size() <= 2);
  }
  CHECK_THROWS_AS(Sampler({}, {}), InputError);
}

TEST_CASE("steps have pictures of SPAR or videos of LLaVA-Hound") {
  const auto items = items_of({{Task::kSpar, 130}, {Task::kLlavaHound, 64}}, 50);
  Sampler all(items, {.batch = 64});
  CHECK(all.steps_per_epoch() == 3 + 1);
  CHECK(seen(all, 4).size() == items.size());
  for (std::int64_t k = 0; k < 4; ++k) {
    std::set<Task> tasks;
    for (const auto& batch : batches_of(all, k))
      for (const std::size_t i : batch) tasks.insert(items[i].task);
    CHECK(tasks.size() == 1);
  }
  // As released the last batch of both is lost, complete or not; of one kind alone none is.
  Sampler released(items, {.batch = 64, .drop_last = true});
  CHECK(released.steps_per_epoch() == 2);
  Sampler alone(items_of({{Task::kSpar, 130}}, 50), {.batch = 64, .drop_last = true});
  CHECK(alone.steps_per_epoch() == 3);
}
