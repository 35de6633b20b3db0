#include "train/augment.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <string>

#include "base/error.h"
#include "base/philox.h"
#include "store/scene_file.h"

namespace vega::train {
namespace {

// 32-bit words of one (seed, step, scene), in order.
class Words {
 public:
  Words(std::uint64_t seed, std::uint32_t step, std::string_view key)
      : key_(philox_key(seed)), step_(step), scene_(fnv1a64(std::string("augment ").append(key))) {}

  std::uint32_t next() {
    if (at_ == 4) {
      block_ = philox4x32({blocks_++, step_, static_cast<std::uint32_t>(scene_),
                           static_cast<std::uint32_t>(scene_ >> 32)},
                          key_);
      at_ = 0;
    }
    return block_[at_++];
  }
  double unit() { return philox_unit(next()); }
  // 0 to n - 1.
  std::int64_t below(std::int64_t n) {
    return static_cast<std::int64_t>((std::uint64_t{next()} * static_cast<std::uint64_t>(n)) >> 32);
  }

 private:
  PhiloxKey key_;
  std::uint32_t step_, blocks_ = 0;
  std::uint64_t scene_;
  PhiloxCounter block_{};
  std::size_t at_ = 4;
};

std::vector<std::int64_t> kept_frames(std::int64_t count, std::int64_t kept, Words& words) {
  std::vector<std::int64_t> all(static_cast<std::size_t>(count));
  std::iota(all.begin(), all.end(), 0);
  if (kept == 0 || kept >= count) return all;
  for (std::int64_t i = 0; i < kept; ++i)
    std::swap(all[static_cast<std::size_t>(i)],
              all[static_cast<std::size_t>(i + words.below(count - i))]);
  all.resize(static_cast<std::size_t>(kept));
  std::ranges::sort(all);
  return all;
}

// The frames of (V, ...).
at::Tensor frames_of(const at::Tensor& all, const at::Tensor& kept) {
  return all.defined() ? all.index_select(0, kept) : all;
}

// The frames of (V * cells, ...) or, along `axis` 1, of (N, V * cells).
at::Tensor cells_of(const at::Tensor& all, std::int64_t axis, std::int64_t count,
                    const at::Tensor& kept) {
  if (!all.defined()) return all;
  const std::int64_t cells = all.size(axis) / count;
  return all.unflatten(axis, {count, cells}).index_select(axis, kept).flatten(axis, axis + 1);
}

at::Tensor moved_points(const at::Tensor& points, const RoomMove& move) {
  const double c = std::cos(move.angle), s = std::sin(move.angle);
  const auto [mx, my] = move.middle;
  const at::Tensor x = points.select(-1, 0).to(at::kDouble) - mx;
  const at::Tensor y = points.select(-1, 1).to(at::kDouble) - my;
  const at::Tensor moved_x = c * x - s * y + (mx + move.shift[0]);
  const at::Tensor moved_y = s * x + c * y + (my + move.shift[1]);
  return at::stack(
      {moved_x.to(points.scalar_type()), moved_y.to(points.scalar_type()), points.select(-1, 2)},
      -1);
}

}  // namespace

std::array<float, 3> RoomMove::place(const std::array<float, 3>& point) const {
  const double c = std::cos(angle), s = std::sin(angle);
  const double x = static_cast<double>(point[0]) - middle[0];
  const double y = static_cast<double>(point[1]) - middle[1];
  return {static_cast<float>(c * x - s * y + (middle[0] + shift[0])),
          static_cast<float>(s * x + c * y + (middle[1] + shift[1])), point[2]};
}

Augmentation draw_augmentation(const AugmentOptions& options, std::uint64_t seed,
                               std::uint32_t step, std::string_view key, std::int64_t frame_count,
                               const std::array<double, 2>& middle) {
  if (!(options.shift_m >= 0) || !std::isfinite(options.shift_m))
    throw InputError(
        explain("augmentation: shift", std::to_string(options.shift_m), "metres, 0 or more"));
  if (options.frames < 0)
    throw InputError(
        explain("augmentation: frames", std::to_string(options.frames), "0 (all) or more"));
  Words words(seed, step, key);
  // Every part draws, also where it is off: one option does not change what the others do.
  const double turn = words.unit(), x = words.unit(), y = words.unit();
  Augmentation out;
  out.move.middle = middle;
  if (options.turn) out.move.angle = 2 * std::numbers::pi * turn;
  out.move.shift = {options.shift_m * (2 * x - 1), options.shift_m * (2 * y - 1)};
  out.frames = kept_frames(frame_count, options.frames, words);
  return out;
}

std::array<double, 2> room_middle(const vlm::SceneInput& scene) {
  constexpr double kFar = std::numeric_limits<double>::infinity();
  std::array<double, 2> low{kFar, kFar}, high{-kFar, -kFar};
  const auto take = [&](std::size_t axis, float value) {
    if (!std::isfinite(value)) return;
    low[axis] = std::min(low[axis], static_cast<double>(value));
    high[axis] = std::max(high[axis], static_cast<double>(value));
  };
  for (const Box& box : scene.boxes) {
    take(0, box[0]);
    take(1, box[1]);
  }
  if (scene.boxes.empty() && scene.points.defined()) {
    const at::Tensor points = scene.points.to(at::kFloat).reshape({-1, 3}).contiguous();
    const float* values = points.const_data_ptr<float>();
    for (std::int64_t i = 0; i < points.size(0); ++i) {
      take(0, values[3 * i]);
      take(1, values[3 * i + 1]);
    }
  }
  const auto half_way = [&](std::size_t axis) {
    return low[axis] <= high[axis] ? (low[axis] + high[axis]) / 2 : 0.0;
  };
  return {half_way(0), half_way(1)};
}

std::int64_t frame_count(const vlm::SceneInput& scene) {
  for (const at::Tensor* t :
       {&scene.semantic, &scene.pixels, &scene.generative, &scene.semantic_tokens,
        &scene.generative_tokens, &scene.fused_tokens})
    if (t->defined()) return t->size(0);
  return scene.points.defined() ? scene.points.size(0) / kTokenCells : 0;
}

vlm::SceneInput augmented(const vlm::SceneInput& scene, const Augmentation& how) {
  vlm::SceneInput out = scene;
  const RoomMove& move = how.move;
  if (move.angle != 0 || move.shift[0] != 0 || move.shift[1] != 0) {
    if (out.points.defined()) out.points = moved_points(out.points, move);
    for (Box& box : out.boxes) {
      const auto centre = move.place({box[0], box[1], box[2]});
      std::ranges::copy(centre, box.begin());
    }
  }
  const std::int64_t count = frame_count(scene);
  if (std::ssize(how.frames) == count) return out;
  const at::Tensor kept = at::tensor(how.frames, at::kLong);
  for (at::Tensor* t : {&out.semantic, &out.pixels, &out.generative, &out.semantic_tokens,
                        &out.generative_tokens, &out.fused_tokens, &out.uncovered})
    *t = frames_of(*t, kept);
  out.points = cells_of(out.points, 0, count, kept);
  out.selected = cells_of(out.selected, 1, count, kept);
  return out;
}

std::vector<std::array<float, 3>> moved(const std::vector<std::array<float, 3>>& centres,
                                        const RoomMove& move) {
  std::vector<std::array<float, 3>> out;
  out.reserve(centres.size());
  for (const auto& centre : centres) out.push_back(move.place(centre));
  return out;
}

}  // namespace vega::train
