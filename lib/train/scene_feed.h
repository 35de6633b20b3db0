// Scenes in the order in which a run uses them, read ahead by another thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "vlm/scene.h"

namespace vega::train {

class SceneFeed {
 public:
  using Load = std::function<vlm::SceneInput(std::size_t scene)>;
  // The next scene that will be used; nothing at the end.
  using Next = std::function<std::optional<std::size_t>()>;

  // Both are called by the reading thread alone. Scenes that were read last are kept, as many as
  // fit `bytes`, beside the few that are read ahead.
  SceneFeed(Load load, Next next, double bytes);
  ~SceneFeed();
  SceneFeed(const SceneFeed&) = delete;
  SceneFeed& operator=(const SceneFeed&) = delete;

  // The next scene, which must be `scene`. Waits for it. Throws what reading it threw.
  std::shared_ptr<const vlm::SceneInput> take(std::size_t scene);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Bytes of a scene's tensors.
std::int64_t scene_bytes(const vlm::SceneInput& scene);

}  // namespace vega::train
