#include "train/world/world_step.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "base/parallel.h"
#include "base/philox.h"
#include "base/stop.h"
#include "core/on_device.h"

namespace vega::train {
namespace {

constexpr double kLowNoise = 0.4, kHighNoise = 0.6;

void note_losses(const at::Tensor& losses, std::span<const double> shares, std::size_t first,
                 std::size_t clips, WorldStepResult& result) {
  const at::Tensor values = losses.detach().to(at::kCPU, at::kDouble).contiguous();
  for (std::size_t n = 0; n < shares.size(); ++n) {
    const double loss = values.const_data_ptr<double>()[n];
    result.loss += loss / static_cast<double>(clips);
    if (shares[n] < kLowNoise) result.low.add(loss);
    if (shares[n] > kHighNoise) result.high.add(loss);
    if (!std::isfinite(loss)) result.bad.push_back(first + n);
  }
}

}  // namespace

Json WorldStepResult::line(std::int64_t step, double rate, std::int64_t memory) const {
  Json by = Json::object();
  const auto add = [&](const char* name, const LossMean& mean) {
    if (mean.count > 0) by.add(name, mean.sum / static_cast<double>(mean.count));
  };
  add("noise < 0.4", low);
  add("noise > 0.6", high);
  by.add(single ? "single frames" : "clips", loss);
  Json out{{"step", step},
           {"loss", loss},
           {"loss_by", by},
           {"rate", Json{{"model", rate}}},
           {"grad_norm", norm}};
  out.add("frames", frames);
  out.add("frames_per_s", static_cast<double>(frames) / seconds);
  out.add("seconds", seconds);
  out.add("memory", memory);
  return out;
}

std::vector<double> noise_shares(const WorldRecipe& recipe, std::int64_t step, std::size_t clips) {
  std::vector<float> normals(clips);
  noise_v1(recipe.seed, fmt::format("world: shares of noise of step {}", step), 0, normals);
  std::vector<double> out;
  for (const float n : normals)
    out.push_back(1 / (1 + std::exp(-(recipe.noise_mean + recipe.noise_std * n))));
  return out;
}

at::Tensor clip_noise(const WorldRecipe& recipe, std::int64_t step, std::size_t first,
                      std::size_t count, std::int64_t frames) {
  const at::Tensor out =
      at::empty({static_cast<std::int64_t>(count), 16, frames,
                 recipe.size.height / wan::kLatentStride, recipe.size.width / wan::kLatentStride},
                at::kFloat);
  const std::size_t each = static_cast<std::size_t>(out.numel()) / count;
  const std::string name = fmt::format("world: noise of step {}", step);
  float* data = out.mutable_data_ptr<float>();
  parallel_for(count, recipe.threads, [&](std::size_t n) {
    noise_v1(recipe.seed, name, static_cast<std::int64_t>(first + n), {data + n * each, each});
  });
  return out;
}

WorldStepResult add_gradients(const WorldRecipe& recipe, const WorldState& state,
                              const LatentStore& latents, std::int64_t step,
                              const std::vector<Clip>& clips) {
  WorldStepResult result;
  const auto frames = static_cast<std::int64_t>(clips.front().places.size());
  result.single = frames == 1;
  result.frames = frames * static_cast<std::int64_t>(clips.size());
  // As many frames a pass, whatever a step sees.
  const auto pass =
      static_cast<std::size_t>(recipe.micro_batch * (result.single ? recipe.clips.frames : 1));
  const std::vector<double> shares = noise_shares(recipe, step, clips.size());
  on_device(recipe.device, [&] {
    for (std::size_t first = 0; first < clips.size(); first += pass) {
      check_stop();
      const std::size_t count = std::min(pass, clips.size() - first);
      const std::span these = std::span(shares).subspan(first, count);
      const at::Tensor share =
          at::tensor(at::ArrayRef<double>(these.data(), count)).to(recipe.device, at::kFloat);
      const at::Tensor x = latents.clips(std::span(clips).subspan(first, count)).to(recipe.device);
      const at::Tensor e = clip_noise(recipe, step, first, count, frames).to(recipe.device);
      const at::Tensor velocity =
          state.network().forward(wan::noised(x, e, share), share * 1000, state.prompt());
      const at::Tensor losses = wan::flow_loss(velocity, x, e);
      (losses.sum() / static_cast<double>(clips.size())).backward();
      note_losses(losses, these, first, clips.size(), result);
    }
  });
  return result;
}

}  // namespace vega::train
