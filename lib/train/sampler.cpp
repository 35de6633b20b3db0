#include "train/sampler.h"

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <span>
#include <string>

#include "base/error.h"
#include "train/order.h"

namespace vega::train {
namespace {

constexpr int kGroups = 5, kFirstShown = 3;  // groups; the first that is shown pictures

std::size_t parts(std::size_t count, std::size_t size) { return (count + size - 1) / size; }

// Deals sorted samples to the micro-batches of a step, the shortest one so far gets the next; where
// they do not divide, in turn.
std::vector<std::vector<std::size_t>> dealt(const std::vector<std::size_t>& places,
                                            const std::vector<SampledItem>& items,
                                            std::size_t micro) {
  const std::size_t count = parts(places.size(), micro);
  std::vector<std::vector<std::size_t>> out(count);
  const bool even = places.size() % count == 0;
  std::vector<std::int64_t> lengths(count, 0);
  for (std::size_t i = 0; i < places.size(); ++i) {
    std::size_t to = i % count;
    if (even) {
      const std::size_t full = places.size() / count;
      to = count;
      for (std::size_t j = 0; j < count; ++j)
        if (out[j].size() < full && (to == count || lengths[j] < lengths[to])) to = j;
    }
    out[to].push_back(places[i]);
    lengths[to] += items[places[i]].length;
  }
  return out;
}

std::vector<std::vector<std::size_t>> in_order(std::span<const std::size_t> places,
                                               std::size_t micro) {
  std::vector<std::vector<std::size_t>> out;
  for (std::size_t i = 0; i < places.size(); i += micro) {
    const auto part = places.subspan(i, std::min(micro, places.size() - i));
    out.emplace_back(part.begin(), part.end());
  }
  return out;
}

}  // namespace

int task_group(tasks::Task task) {
  switch (task) {
    case tasks::Task::kScanQa:
    case tasks::Task::kSqa3d: return 0;
    case tasks::Task::kScan2Cap: return 1;
    case tasks::Task::kSpar: return kFirstShown;
    case tasks::Task::kLlavaHound: return kFirstShown + 1;
    default: return 2;
  }
}

std::size_t SampledStep::size() const {
  std::size_t out = 0;
  for (const auto& batch : batches) out += batch.size();
  return out;
}

Sampler::Sampler(std::vector<SampledItem> items, const SamplerOptions& options)
    : items_(std::move(items)), options_(options) {
  if (items_.empty()) throw InputError(explain("samples", "none", "at least one"));
  plan_ = plan(0);
  planned_ = 0;
  steps_ = static_cast<std::int64_t>(plan_.size());
  if (steps_ == 0)
    throw InputError(explain("samples", std::to_string(items_.size()),
                             "more than " + std::to_string(options_.batch) + " of a group of tasks",
                             "--compat reference drops the last batch of each group: take a "
                             "smaller --batch, or leave --compat out"));
}

SampledStep Sampler::step(std::int64_t k) {
  const std::int64_t epoch = k / steps_;
  if (epoch != planned_) {
    plan_ = plan(static_cast<std::uint32_t>(epoch));
    planned_ = epoch;
  }
  return {epoch, plan_[static_cast<std::size_t>(k % steps_)]};
}

Json Sampler::state(std::int64_t k) const {
  return {{"kind", name_in<SamplerKind>(kSamplers, options_.kind)},
          {"step", k},
          {"epoch", k / steps_},
          {"steps_per_epoch", steps_},
          {"samples", items_.size()},
          {"seed", options_.seed}};
}

Sampler::Steps Sampler::plan(std::uint32_t epoch) const {
  Steps out;
  switch (options_.kind) {
    case SamplerKind::kTaskLength: add_task_length(epoch, out); break;
    case SamplerKind::kRandom: add_random(epoch, out); break;
    case SamplerKind::kScene: add_scenes(epoch, out); break;
  }
  return out;
}

void Sampler::add_task_length(std::uint32_t epoch, Steps& out) const {
  const auto batch = static_cast<std::size_t>(options_.batch);
  const auto micro = static_cast<std::size_t>(options_.micro_batch);
  std::array<std::vector<std::size_t>, kGroups> groups;
  for (std::size_t i = 0; i < items_.size(); ++i)
    groups[static_cast<std::size_t>(task_group(items_[i].task))].push_back(i);
  const bool both = !groups[kFirstShown].empty() && !groups[kFirstShown + 1].empty();
  for (std::size_t g = 0; g < groups.size(); ++g) {
    std::vector<std::size_t>& all = groups[g];
    const bool drops = options_.drop_last && (both || g < kFirstShown);
    shuffle(all, options_.seed, epoch, "train/task-length/" + std::to_string(g));
    std::size_t steps = parts(all.size(), batch);
    if (drops && steps > 0) --steps;
    for (std::size_t s = 0; s < steps; ++s) {
      const std::size_t first = s * batch, end = std::min(all.size(), first + batch);
      std::vector<std::size_t> part(all.begin() + static_cast<std::ptrdiff_t>(first),
                                    all.begin() + static_cast<std::ptrdiff_t>(end));
      std::stable_sort(part.begin(), part.end(), [&](std::size_t a, std::size_t b) {
        return items_[a].length > items_[b].length;
      });
      out.push_back(dealt(part, items_, micro));
    }
  }
  shuffle(out, options_.seed, epoch, "train/task-length/steps");
}

void Sampler::add_random(std::uint32_t epoch, Steps& out) const {
  std::vector<std::size_t> all(items_.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  shuffle(all, options_.seed, epoch, "train/random");
  const auto batch = static_cast<std::size_t>(options_.batch);
  for (std::size_t i = 0; i < all.size(); i += batch)
    out.push_back(in_order(std::span(all).subspan(i, std::min(batch, all.size() - i)),
                           static_cast<std::size_t>(options_.micro_batch)));
}

void Sampler::add_scenes(std::uint32_t epoch, Steps& out) const {
  std::map<std::size_t, std::vector<std::size_t>> by_scene;
  for (std::size_t i = 0; i < items_.size(); ++i) by_scene[items_[i].scene].push_back(i);
  const auto size = static_cast<std::size_t>(options_.questions);
  std::size_t rounds = 0;
  for (auto& [scene, all] : by_scene) {
    shuffle(all, options_.seed, epoch, "train/scene/" + std::to_string(scene));
    rounds = std::max(rounds, parts(all.size(), size));
  }
  std::vector<std::span<const std::size_t>> line;
  for (std::size_t round = 0; round < rounds; ++round) {
    std::vector<std::span<const std::size_t>> now;
    for (const auto& [scene, all] : by_scene) {
      if (round * size >= all.size()) continue;
      now.push_back(std::span<const std::size_t>(all).subspan(
          round * size, std::min(size, all.size() - round * size)));
    }
    shuffle(now, options_.seed, epoch, "train/scene/round/" + std::to_string(round));
    line.insert(line.end(), now.begin(), now.end());
  }
  const auto scenes = static_cast<std::size_t>(options_.scenes);
  for (std::size_t i = 0; i < line.size(); i += scenes) {
    std::vector<std::size_t> step;
    for (std::size_t j = i; j < std::min(line.size(), i + scenes); ++j)
      step.insert(step.end(), line[j].begin(), line[j].end());
    out.push_back(in_order(step, static_cast<std::size_t>(options_.micro_batch)));
  }
}

}  // namespace vega::train
