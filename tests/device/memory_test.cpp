// What a step takes on the device beside what it was forecast to take.
#include <ATen/ATen.h>

#include <catch2/catch.hpp>

#include "core/device.h"
#include "core/dtype.h"
#include "models/wan/dit.h"
#include "models/wan/flops.h"
#include "models/wan/memory.h"
#include "models/wan/vae.h"
#include "support/support.h"
#include "support/tiny_weights.h"

using namespace vega;

namespace {

const at::Device kCuda(at::kCUDA, 0);

// The most that `work` holds beside what is there before it.
double peak_of(const std::function<void()>& work) {
  work();  // tables that are made once
  reset_peak_memory(kCuda);
  const auto before = device_memory(kCuda).allocated;
  work();
  return static_cast<double>(device_memory(kCuda).peak - before);
}

struct Case {
  ImageSize size;
  std::int64_t frames;
  at::ScalarType dtype;
  std::optional<Grid> pool;
  std::vector<std::int64_t> blocks{1};
  bool fp8 = false;
};

void check_forecast(const Case& c) {
  CAPTURE(c.size.width, c.size.height, c.frames, c.blocks.size(), c.fp8);
  const auto vae_weights = test::tiny_vae(), dit_weights = test::tiny_dit(2);
  const auto vae_config = test::tiny_vae_config();
  auto config = test::tiny_dit_config();
  config.layers = 2;
  const at::Tensor prompt = at::tensor(test::tiny_prompt()).reshape({1, -1});
  const wan::VaeEncoder vae(vae_weights.views(), vae_config, {kCuda, c.dtype, false});
  wan::Dit dit(dit_weights.views(), config, prompt,
               {.device = kCuda, .dtype = c.dtype, .fp8_feed_forward = c.fp8});
  dit.prepare(299, 1);
  const at::Tensor pixels = at::rand({c.frames, 3, c.size.height, c.size.width}).to(c.dtype);
  const at::Tensor eps = at::randn({c.frames, 16, c.size.height / 8, c.size.width / 8});
  const double peak = peak_of([&] {
    const at::Tensor here = pixels.to(kCuda), noise = eps.to(kCuda);
    const at::Tensor latents = vae.encode(here);
    dit.forward(latents * 0.7 + noise * 0.3, {c.blocks, c.pool});
  });
  wan::Step step;
  step.size = c.size, step.compute = dtype_of(c.dtype), step.frames = c.frames;
  step.taps = static_cast<std::int64_t>(c.blocks.size()), step.pool = c.pool;
  step.fp8_feed_forward = c.fp8;
  const double forecast = wan::step_bytes(vae_config, config, step);
  INFO("forecast " << forecast << ", peak " << peak << ", ratio " << forecast / peak);
  CHECK(forecast > 0.95 * peak);
  CHECK(forecast < 1.05 * peak);
}

}  // namespace

TEST_CASE("the memory of Wan's weights is forecast within 5 %, of a sweep too") {
  require_cuda();
  const auto vae_weights = test::tiny_vae(), dit_weights = test::tiny_dit(3);
  const auto vae_config = test::tiny_vae_config();
  auto config = test::tiny_dit_config();
  config.layers = 3;
  const at::Tensor prompt = at::tensor(test::tiny_prompt()).reshape({1, -1});
  for (const bool sweep : {false, true}) {
    for (const bool fp8 : {false, true}) {
      CAPTURE(sweep, fp8);
      const auto before = device_memory(kCuda).allocated;
      const wan::VaeEncoder vae(vae_weights.views(), vae_config, {kCuda, at::kBFloat16, false});
      wan::Dit dit(dit_weights.views(), config, prompt, {kCuda, at::kBFloat16, sweep, fp8});
      dit.prepare(299, 1);
      if (sweep) dit.prepare(499, 1);
      const auto held = static_cast<double>(device_memory(kCuda).allocated - before);
      wan::Features features;
      features.size = {112, 64}, features.compute = DType::kBF16, features.last = 1;
      features.keep_weights = sweep, features.fp8_feed_forward = fp8;
      features.kept = DType::kF32;  // of the made-up weights
      const double forecast = wan::cost_of(vae_config, config, features).weight_bytes;
      INFO("forecast " << forecast << ", held " << held << ", ratio " << forecast / held);
      CHECK(forecast > 0.95 * held);
      CHECK(forecast < 1.05 * held);
    }
  }
}

TEST_CASE("the memory of a step of Wan is forecast within 5 %") {
  require_cuda();
  const Grid pool{14, 14};
  check_forecast({{112, 64}, 1, at::kFloat, pool});
  check_forecast({{112, 64}, 3, at::kBFloat16, pool});
  check_forecast({{112, 64}, 3, at::kBFloat16, std::nullopt});
  check_forecast({{112, 64}, 2, at::kBFloat16, std::nullopt, {0, 1}});
  check_forecast({{208, 112}, 1, at::kFloat, pool});
  check_forecast({{208, 112}, 2, at::kBFloat16, Grid{2, 3}, {0, 1}});
  check_forecast({{208, 112}, 2, at::kBFloat16, Grid{2, 3}, {0, 1}, true});
  check_forecast({{208, 112}, 2, at::kBFloat16, std::nullopt, {0, 1}, true});
  check_forecast({{48, 32}, 5, at::kBFloat16, Grid{7, 5}, {0}});
  check_forecast({{48, 32}, 5, at::kBFloat16, std::nullopt, {0, 1}});
  check_forecast({{48, 32}, 5, at::kBFloat16, Grid{7, 5}, {0, 1}, true});
}
