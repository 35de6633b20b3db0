// Models in training out of the cases of tests/golden/vlm, and their gradients against differences
// of the losses.
#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "golden_cases.h"
#include "vlm/train_model.h"

namespace vega::test {

inline const Json& case_named(const std::string& name) {
  for (const Json& json : vlm_json()["cases"].elements())
    if (json["name"] == Json(name)) return json;
  throw std::runtime_error("no golden case " + name);
}

// A golden case whose checkpoint trains.
struct TrainCase {
  explicit TrainCase(const Json& json) : golden(json), path(golden.write(folder)) {
    options.placement.dtype = at::kDouble;
    options.switches = golden.switches();
  }
  explicit TrainCase(const std::string& name) : TrainCase(case_named(name)) {}
  explicit TrainCase(const char* name) : TrainCase(case_named(name)) {}

  vlm::VlmCheckpoint open() const { return vlm::open_checkpoint(path, {.base = folder / "base"}); }
  vlm::TrainModel model(std::vector<vlm::Part> parts) {
    options.parts = std::move(parts);
    return {open(), options};
  }
  vlm::SceneInput scene() const { return golden.scene(open().config); }

  vlm::TrainSample sample() const {
    vlm::TrainSample out;
    out.id = golden.name();
    out.prompt = {golden.ids("ids"), golden.ids("labels")};
    out.coords = golden.coords();
    out.task = golden.has("scores") ? tasks::Task::kMulti3DRefer : tasks::Task::kScanQa;
    for (const Json& place : golden.json()["positives"].elements())
      out.positives.push_back(*place.whole());
    return out;
  }

  TempFolder folder;
  GoldenCase golden;
  std::filesystem::path path;
  vlm::TrainModelOptions options;
};

// What add_gradients differentiates.
inline double weighted_sum(const std::vector<vlm::TrainSample>& samples,
                           const vlm::PassResult& result) {
  double out = 0;
  for (std::size_t i = 0; i < samples.size(); ++i)
    out +=
        samples[i].weight * result.samples[i].loss * static_cast<double>(result.samples[i].targets);
  return out;
}

// Of every trained tensor: the derivative along a direction that has its gradient and noise in
// equal parts, against a central difference in float64. A step of 1e-5 leaves 1e-9 of rounding
// (losses are around 10) and about 1e-10 of curvature.
// Returns how many tensors were compared.
inline std::size_t check_gradients(vlm::TrainModel& model, const vlm::SceneInput& scene,
                                   const std::vector<vlm::TrainSample>& samples,
                                   bool see_visual = true,
                                   const std::vector<std::string>& only = {}) {
  constexpr double kStep = 1e-5;
  vlm::PassOptions how;
  how.see_visual = see_visual;
  model.add_gradients(scene, samples, how);
  at::manual_seed(11);
  std::size_t compared = 0;
  const auto unit = [](const at::Tensor& x) { return x / x.norm().clamp_min(1e-300); };
  for (const vlm::Trained& t : model.trained()) {
    const auto is_asked = [&](const std::string& end) { return t.name.ends_with(end); };
    if (!only.empty() && std::ranges::none_of(only, is_asked)) continue;
    INFO(model.checkpoint().path.string() << ": " << t.name);
    REQUIRE(t.tensor.grad().defined());
    const at::Tensor gradient = t.tensor.grad().clone(), start = t.tensor.detach().clone();
    CHECK(gradient.scalar_type() == at::kDouble);
    // The bias of the keys' norm adds one number to all keys of a query: softmax does not see it.
    const bool moves = !t.name.ends_with("norm1_key.bias");
    CHECK((gradient.norm().item<double>() > 1e-7) == moves);
    const at::Tensor along = unit(unit(gradient) + unit(at::randn_like(gradient)));
    const auto at_step = [&](double step) {
      model.restore(t.name, start + step * along);
      return weighted_sum(samples, model.losses(scene, samples, see_visual));
    };
    const double difference = (at_step(kStep) - at_step(-kStep)) / (2 * kStep);
    const double derivative = (gradient * along).sum().item<double>();
    model.restore(t.name, start);
    CHECK(std::abs(difference - derivative) < 1e-5 * std::abs(derivative) + 1e-8);
    ++compared;
  }
  return compared;
}

// A second sample that begins as `first` does and asks something else: the ids of its text behind
// the image are moved on by `shift`, marks and control words stay.
inline vlm::TrainSample asked_otherwise(const vlm::TrainSample& first, std::int64_t shift) {
  vlm::TrainSample out = first;
  out.id += "+" + std::to_string(shift);
  bool behind = false;
  std::size_t since = 0;
  for (std::size_t i = 0; i < out.prompt.ids.size(); ++i) {
    std::int64_t& id = out.prompt.ids[i];
    since += behind ? 1 : 0;
    if (since > 3 && id >= 10 && id < 90) {
      id = 10 + (id - 10 + shift) % 80;
      if (out.prompt.labels[i] >= 0) out.prompt.labels[i] = id;
    }
    behind |= id == vlm::kImageId;
  }
  return out;
}

}  // namespace vega::test
