#include "train/world/flow.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "base/philox.h"
#include "base/stop.h"

namespace vega::train {
namespace {

at::Tensor velocity_at(const wan::TrainDit& network, const at::Tensor& latents, double share,
                       const at::Tensor& prompt) {
  const at::Tensor times = at::full({latents.size(0)}, 1000 * share, latents.options());
  return network.forward(latents, times, prompt);
}

}  // namespace

std::vector<double> flow_shares(std::int64_t steps, double shift) {
  std::vector<double> out;
  for (std::int64_t n = steps; n >= 0; --n) {
    const double u = static_cast<double>(n) / static_cast<double>(steps);
    out.push_back(shift * u / (1 + (shift - 1) * u));
  }
  return out;
}

at::Tensor follow_flow(const wan::TrainDit& network, const at::Tensor& noise,
                       const std::vector<double>& shares, const at::Tensor& prompt) {
  const c10::NoGradGuard no_gradients;
  at::Tensor x = noise;
  for (std::size_t n = 0; n + 1 < shares.size(); ++n) {
    check_stop();
    x = x + (shares[n + 1] - shares[n]) * velocity_at(network, x, shares[n], prompt);
  }
  return x;
}

at::Tensor cleared(const wan::TrainDit& network, const at::Tensor& latents, double share,
                   const at::Tensor& prompt) {
  const c10::NoGradGuard no_gradients;
  return latents - share * velocity_at(network, latents, share, prompt);
}

at::Tensor clip_noise(std::uint64_t seed, const char* name, std::int64_t first, std::int64_t count,
                      const ClipShape& shape) {
  at::Tensor out = at::empty({count, shape.frames, 16, shape.rows, shape.columns}, at::kFloat);
  const auto frame_size = static_cast<std::size_t>(16 * shape.rows * shape.columns);
  for (std::int64_t n = 0; n < count * shape.frames; ++n)
    noise_v1(
        seed, name, first * shape.frames + n,
        {out.mutable_data_ptr<float>() + static_cast<std::size_t>(n) * frame_size, frame_size});
  return out.transpose(1, 2).contiguous();
}

}  // namespace vega::train
