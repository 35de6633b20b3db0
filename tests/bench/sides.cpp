#include "bench/sides.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <chrono>

#include "models/wan/schedule.h"

namespace vega::bench {

// Smooth pictures rather than white noise, as the encoder's activations depend on them.
Work make_work(std::int64_t width, std::int64_t height, std::int64_t frames, std::int64_t batch,
               at::Device device) {
  Work work{{static_cast<int>(width), static_cast<int>(height)}, frames, batch};
  const wan::NoiseLevel level = wan::noise_level(300, 5.0, wan::Schedule::kRelease);
  work.t = level.t;
  work.sigma = level.sigma;
  at::Generator generator = at::detail::createCPUGenerator(7);
  const at::Tensor coarse =
      at::empty({frames, 3, height / 16, width / 16}).uniform_(-1, 1, generator);
  work.pixels = at::upsample_bilinear2d(coarse, {height, width}, false).to(device);
  const std::vector<std::int64_t> shape{frames, 16, height / wan::kLatentStride,
                                        width / wan::kLatentStride};
  work.eps = at::empty(shape).normal_(0, 1, generator).to(device);
  work.latents = at::empty(shape).normal_(0, 1, generator).to(device);
  return work;
}

// ---------------------------------------------------------------- this project

Ours::Ours(const RandomWeights& weights, at::Device device, at::ScalarType dtype, std::int64_t t)
    : vae_(weights.vae, weights.vae_config,
           {.device = device, .dtype = dtype, .bf16_latent_constants = dtype == at::kBFloat16}),
      dit_(weights.dit, weights.dit_config, weights.prompt, {.device = device, .dtype = dtype}),
      last_(std::min(weights.dit_config.layers - 1, kTap)) {
  const auto start = std::chrono::steady_clock::now();
  dit_.prepare(t, last_);
  fold_seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void Ours::sample(const Work& work, const Clock& clock, const Mode& mode, bool warm_up,
                  Samples& out) const {
  const auto stage = [&](const char* name, const Body& body) {
    out[name].push_back(clock.seconds(mode, work.frames, work.batch, body, warm_up));
  };
  stage("vae", [&](std::int64_t first, std::int64_t count) {
    const at::Tensor z = vae_.encode(work.pixels.narrow(0, first, count));
    at::lerp(z, work.eps.narrow(0, first, count), work.sigma);
  });
  const auto dit = [&](std::int64_t block) {
    return [&, block](std::int64_t first, std::int64_t count) {
      dit_.forward(work.latents.narrow(0, first, count), {{block}, Grid{kPool, kPool}});
    };
  };
  stage("first", dit(0));
  stage("last", dit(last_));
}

at::Tensor Ours::features(const Work& work) const {
  const c10::InferenceMode inference;
  const at::Tensor z = vae_.encode(work.pixels.narrow(0, 0, 1));
  const at::Tensor noised = at::lerp(z, work.eps.narrow(0, 0, 1), work.sigma);
  return dit_.forward(noised, {{last_}, Grid{kPool, kPool}})[0];
}

Seconds Ours::dit(Seconds first, Seconds last) const {
  const double more = static_cast<double>(kTap) / static_cast<double>(last_);
  return {first.wall + more * (last.wall - first.wall), first.cpu + more * (last.cpu - first.cpu)};
}

// ---------------------------------------------------------------- the released algorithm

Released::Released(const RandomWeights& weights, at::Device device, at::ScalarType dtype,
                   bool cast_once)
    : net_(weights.dit, weights.vae, weights.dit_config, weights.vae_config, dtype, device,
           cast_once),
      prompt_(weights.prompt.to(device)),
      blocks_(weights.dit_config.layers) {}

void Released::sample(const Work& work, const Clock& clock, const Mode& mode, bool warm_up,
                      Samples& out) const {
  const auto stage = [&](const char* name, const Body& body) {
    out[name].push_back(clock.seconds(mode, work.frames, work.frames, body, warm_up));
  };
  const std::int64_t gh = work.grid_h(), gw = work.grid_w();
  at::Tensor e, e6, text, tokens;
  {
    const c10::InferenceMode inference;
    e = net_.time(work.t);
    e6 = net_.modulation(e);
    text = net_.text(prompt_, 1);
    tokens = net_.embed(work.latents);
  }
  stage("vae", [&](std::int64_t first, std::int64_t count) {
    const at::Tensor z = net_.encode(work.pixels.narrow(0, first, count));
    net_.add_noise(z, work.eps.narrow(0, first, count), work.sigma);
  });
  stage("embed", [&](std::int64_t first, std::int64_t count) {
    net_.modulation(net_.time(work.t));
    net_.text(prompt_, count);
    net_.embed(work.latents.narrow(0, first, count));
  });
  stage("blocks", [&](std::int64_t first, std::int64_t count) {
    const at::Tensor context = text.repeat({count, 1, 1});
    at::Tensor x = tokens.narrow(0, first, count);
    for (std::int64_t n = 0; n < blocks_; ++n) x = net_.block(n, x, e6, context, gh, gw);
  });
  // The head sees the residual stream, which is wide.
  const at::Tensor wide = tokens.to(at::kFloat);
  stage("head", [&](std::int64_t first, std::int64_t count) {
    const at::Tensor x = wide.narrow(0, first, count);
    net_.head(x, e);
    ref::WanRef::pool(x, gh, gw, kPool, kPool);
  });
}

at::Tensor Released::features(const Work& work, std::int64_t tap) const {
  const c10::InferenceMode inference;
  return net_.run(work.pixels.narrow(0, 0, 1), work.eps.narrow(0, 0, 1), work.t, work.sigma,
                  prompt_, tap, false);
}

Seconds Released::dit(Seconds embed, Seconds blocks, Seconds head) const {
  const double times = static_cast<double>(kBlocks) / static_cast<double>(blocks_);
  return {embed.wall + times * blocks.wall + head.wall, embed.cpu + times * blocks.cpu + head.cpu};
}

}  // namespace vega::bench
