// A scene as another step of training sees it: the room turned and shifted, some of its frames.
// What a question asks stays true: nothing is mirrored, nothing changes its size or its height.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "vlm/scene.h"

namespace vega::train {

struct AugmentOptions {
  bool turn = false;        // about the vertical, by any angle
  double shift_m = 0;       // along x and along y, each by up to this much, m
  std::int64_t frames = 0;  // how many frames a step keeps; 0, or more than there are: all

  bool any() const { return turn || shift_m > 0 || frames > 0; }
  bool operator==(const AugmentOptions&) const = default;
};

// Turns about the vertical axis through `middle`, then shifts. The middle stays the middle.
struct RoomMove {
  double angle = 0;                // radians, counterclockwise from above
  std::array<double, 2> middle{};  // x, y of the axis, m
  std::array<double, 2> shift{};   // m

  std::array<float, 3> place(const std::array<float, 3>& point) const;
};

// What one step does with one scene, out of Philox keyed by the seed, with the step and the scene's
// key as the counter: the same on every machine, in any order, after a resume.
struct Augmentation {
  RoomMove move;
  std::vector<std::int64_t> frames;  // that are kept, ascending
};

// middle: of the room, see room_middle. frame_count: of the scene. Throws InputError: a shift that
// is negative or not finite, a negative number of frames.
Augmentation draw_augmentation(const AugmentOptions& options, std::uint64_t seed,
                               std::uint32_t step, std::string_view key, std::int64_t frame_count,
                               const std::array<double, 2>& middle);

// Half way between the smallest and the largest x, and y, of the objects' centres; without objects
// of the points that are finite; without points 0.
std::array<double, 2> room_middle(const vlm::SceneInput& scene);
std::int64_t frame_count(const vlm::SceneInput& scene);

// Points and centres of boxes moved; of features, tokens, points and the objects' cells the kept
// frames. Extents of boxes stay, as the model reads centres alone. object_tokens stay: they are
// means over all frames. Tensors that nothing changes are shared.
vlm::SceneInput augmented(const vlm::SceneInput& scene, const Augmentation& how);

// Centres that a question names, m.
std::vector<std::array<float, 3>> moved(const std::vector<std::array<float, 3>>& centres,
                                        const RoomMove& move);

}  // namespace vega::train
