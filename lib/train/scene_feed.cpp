#include "train/scene_feed.h"

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <list>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>

namespace vega::train {
namespace {

constexpr std::size_t kAhead = 3;  // scenes that are read before they are asked for

}  // namespace

std::int64_t scene_bytes(const vlm::SceneInput& scene) {
  std::int64_t out = 0;
  for (const at::Tensor* tensor :
       {&scene.semantic, &scene.pixels, &scene.generative, &scene.semantic_tokens,
        &scene.generative_tokens, &scene.fused_tokens, &scene.uncovered, &scene.points,
        &scene.selected, &scene.object_tokens, &scene.patches, &scene.wan_pixels})
    if (tensor->defined()) out += static_cast<std::int64_t>(tensor->nbytes());
  return out;
}

struct SceneFeed::State {
  using Shared = std::shared_ptr<const vlm::SceneInput>;

  State(Load load_scene, Next next_scene, double most)
      : load(std::move(load_scene)), next(std::move(next_scene)), bytes(most) {}

  // Of the reading thread.
  void read_all() {
    try {
      while (const auto scene = next()) {
        Shared input = from_cache(*scene);
        if (!input) {
          input = std::make_shared<const vlm::SceneInput>(load(*scene));
          keep(*scene, input);
        }
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return ended || ready.size() < kAhead; });
        if (ended) return;
        ready.emplace_back(*scene, std::move(input));
        changed.notify_all();
      }
    } catch (...) {
      const std::lock_guard lock(mutex);
      error = std::current_exception();
      changed.notify_all();
    }
  }

  Shared from_cache(std::size_t scene) {
    const auto found = std::ranges::find(kept, scene, &std::pair<std::size_t, Shared>::first);
    if (found == kept.end()) return nullptr;
    kept.splice(kept.begin(), kept, found);
    return kept.front().second;
  }

  void keep(std::size_t scene, const Shared& input) {
    held += static_cast<double>(scene_bytes(*input));
    kept.emplace_front(scene, input);
    while (held > bytes && !kept.empty()) {
      held -= static_cast<double>(scene_bytes(*kept.back().second));
      kept.pop_back();
    }
  }

  Load load;
  Next next;
  double bytes, held = 0;
  std::list<std::pair<std::size_t, Shared>> kept;  // of the reading thread; used last first

  std::mutex mutex;  // of what follows
  std::condition_variable changed;
  std::deque<std::pair<std::size_t, Shared>> ready;
  std::exception_ptr error;
  bool ended = false;
  std::thread reader;
};

SceneFeed::SceneFeed(Load load, Next next, double bytes)
    : state_(std::make_unique<State>(std::move(load), std::move(next), bytes)) {
  state_->reader = std::thread([state = state_.get()] { state->read_all(); });
}

SceneFeed::~SceneFeed() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->ended = true;
  }
  state_->changed.notify_all();
  state_->reader.join();
}

std::shared_ptr<const vlm::SceneInput> SceneFeed::take(std::size_t scene) {
  State& s = *state_;
  std::unique_lock lock(s.mutex);
  s.changed.wait(lock, [&] { return !s.ready.empty() || s.error; });
  if (s.ready.empty()) std::rethrow_exception(s.error);
  auto [which, input] = std::move(s.ready.front());
  s.ready.pop_front();
  s.changed.notify_all();
  if (which != scene) throw std::logic_error("scenes are not taken in the order of reading");
  return input;
}

}  // namespace vega::train
