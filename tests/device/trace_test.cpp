// What one pass of each network asks of the device, line by line: a stray cast, copy or
// synchronisation is a new line, and fails. The expected lists stand in tests/device/trace;
// VEGA_WRITE_TRACE=1 writes them anew (docs/device_on_host.md).
#include <ATen/ATen.h>

#include <catch2/catch.hpp>
#include <functional>

#include "core/device.h"
#include "core/tensor.h"
#include "kernels/token_gate.h"
#include "models/qwen2/decoder.h"
#include "models/siglip/tower.h"
#include "models/wan/dit.h"
#include "models/wan/vae.h"
#include "support/support.h"
#include "support/tiny_weights.h"
#include "unit/models/qwen2/qwen2_samples.h"
#include "unit/models/siglip_samples.h"
#include "watch.h"

using namespace vega;

namespace {

using test::check_trace;

const at::Device kCuda(at::kCUDA, 0);

at::Tensor numbers(std::vector<std::int64_t> shape) {
  std::int64_t count = 1;
  for (const auto size : shape) count *= size;
  return (at::arange(count, at::kFloat) * 0.37F).sin().reshape(shape);
}

}  // namespace

TEST_CASE("operators of the VAE") {
  require_cuda();
  const auto weights = test::tiny_vae();
  const wan::VaeEncoder vae(weights.views(), test::tiny_vae_config(),
                            {kCuda, at::kBFloat16, false});
  const at::Tensor pixels = numbers({2, 3, 64, 96}).to(kCuda);
  check_trace("vae", [&] { vae.encode(pixels); });
}

TEST_CASE("operators of three blocks of the DiT, the last one tapped") {
  require_cuda();
  const auto weights = test::tiny_dit(3);
  auto config = test::tiny_dit_config();
  config.layers = 3;
  const at::Tensor prompt = at::tensor(test::tiny_prompt()).reshape({1, -1});
  wan::Dit dit(weights.views(), config, prompt, {kCuda, at::kBFloat16});
  dit.prepare(299, 2);
  const at::Tensor latents = numbers({2, 16, 8, 12}).to(kCuda);
  check_trace("dit", [&] { dit.forward(latents, {{2}, Grid{2, 3}}); });
}

TEST_CASE("operators of two blocks of the DiT whose feed-forward is in fp8, both tapped") {
  require_cuda();
  const auto weights = test::tiny_dit(2);
  auto config = test::tiny_dit_config();
  config.layers = 2;
  const at::Tensor prompt = at::tensor(test::tiny_prompt()).reshape({1, -1});
  wan::Dit dit(weights.views(), config, prompt,
               {.device = kCuda, .dtype = at::kBFloat16, .fp8_feed_forward = true});
  dit.prepare(299, 1);
  const at::Tensor latents = numbers({2, 16, 8, 12}).to(kCuda);
  check_trace("dit_fp8", [&] { dit.forward(latents, {{0, 1}, Grid{2, 3}}); });
}

TEST_CASE("operators of two layers of SigLIP") {
  require_cuda();
  auto config = test::tiny_siglip_config();
  config.layers = 2, config.grid = 3;
  const auto weights = test::siglip_weights(config);
  const siglip::Tower tower(weights, config, {kCuda, at::kBFloat16});
  const at::Tensor pixels = numbers({2, 3, 42, 42}).to(kCuda);
  check_trace("siglip", [&] { tower.forward(pixels); });
}

TEST_CASE("operators of two layers of a decoder: a prompt, and a step that is recorded") {
  require_cuda();
  const test::Qwen2Sample sample("half_b");
  const qwen2::Decoder model = sample.decoder(at::kBFloat16, kCuda);
  const at::Tensor prompt = numbers({12, sample.config().hidden}).to(kCuda, at::kBFloat16);
  check_trace("decoder_prompt", [&] {
    KvCache cache = model.new_cache(20);
    model.forward(prompt, at::arange(12), cache, true);
  });
  KvCache first = model.new_cache(20), second = model.new_cache(20);
  KvCache* const caches[] = {&first, &second};
  check_trace("decoder_step",
              [&] { model.step(prompt.narrow(0, 0, 2), at::full({2}, first.length()), caches); });
}

TEST_CASE("operators of the token gate, forward and backward, parameters in bfloat16") {
  require_cuda();
  const auto half = [](std::vector<std::int64_t> shape) {
    return numbers(std::move(shape)).to(kCuda, at::kBFloat16);
  };
  const at::Tensor s = half({2, 9, 64}), g = half({2, 9, 64});
  const kernels::TokenGateParameters p{half({64}),     half({64}), half({64}), half({64}),
                                       half({1, 128}), half({1}),  {}};
  using kernels::GateForm;
  check_trace("token_gate", [&] {
    const auto out = kernels::token_gate(s, g, p, GateForm::kNormed, 1e-5);
    kernels::token_gate_backward(out.out, out.gate, s, g, p, GateForm::kNormed, out.statistics);
  });
}
