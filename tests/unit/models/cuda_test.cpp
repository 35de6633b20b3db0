// The same network on a GPU: float32 to the fp32 bar, bf16 to the bf16 bar, equal bits from run to
// run.
#include <ATen/ATen.h>

#include <catch2/catch.hpp>
#include <iostream>

#include "core/device.h"
#include "core/tensor.h"
#include "models/wan/dit.h"
#include "models/wan/vae.h"
#include "support/cuda.h"
#include "support/support.h"
#include "support/tiny_weights.h"
#include "weights/safetensors.h"

using namespace vega;

namespace {

double cuda_error(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor x = a.cpu().to(at::kDouble).flatten(), y = b.cpu().to(at::kDouble).flatten();
  REQUIRE(x.numel() == y.numel());
  return ((x - y).norm() / y.norm()).item<double>();
}

struct Networks {
  test::OwnedTensors dit_weights = test::tiny_dit(21), vae_weights = test::tiny_vae();
  TensorSet golden = read_safetensors(test::golden("wan_tiny_d.safetensors"));

  // Latents and pooled tokens of block 20 of the golden frames.
  std::pair<at::Tensor, at::Tensor> run(at::Device device, at::ScalarType dtype) const {
    auto config = test::tiny_dit_config();
    config.layers = 21;
    const wan::VaeEncoder vae(vae_weights.views(), test::tiny_vae_config(), {device, dtype, false});
    wan::Dit dit(dit_weights.views(), config, float_tensor_from(golden.at("prompt.context")),
                 {device, dtype});
    dit.prepare(299, 20);
    const at::Tensor latents = vae.encode(float_tensor_from(golden.at("pixels")).to(device));
    const float sigma = 0.29992383718F;
    const at::Tensor z =
        latents * (1.0F - sigma) + float_tensor_from(golden.at("eps")).to(device) * sigma;
    return {latents.cpu(), dit.forward(z, {{20}, Grid{14, 14}})[0].cpu()};
  }
};

}  // namespace

TEST_CASE("CUDA gives the CPU's features within the bars, and its own bits again", "[cuda]") {
  if (!test::has_cuda("the Wan path")) return;
  const Networks networks;
  const at::Device cuda(at::kCUDA, 0);
  const auto [cpu_latents, cpu_tokens] = networks.run(at::kCPU, at::kFloat);
  const auto [latents, tokens] = networks.run(cuda, at::kFloat);
  std::cout << "CUDA fp32: latents " << cuda_error(latents, cpu_latents) << ", tokens "
            << cuda_error(tokens, cpu_tokens) << "\n";
  CHECK(cuda_error(latents, cpu_latents) < 2e-5);
  CHECK(cuda_error(tokens, cpu_tokens) < 2e-5);
  const auto [half_latents, half_tokens] = networks.run(cuda, at::kBFloat16);
  const double cosine = at::cosine_similarity(half_tokens.to(at::kDouble).flatten(0, 2),
                                              cpu_tokens.to(at::kDouble).flatten(0, 2), 1)
                            .min()
                            .item<double>();
  std::cout << "CUDA bf16: tokens " << cuda_error(half_tokens, cpu_tokens) << ", least cosine "
            << cosine << "\n";
  CHECK(cuda_error(half_tokens, cpu_tokens) < 2e-2);
  CHECK(cosine > 0.999);
  const auto [again_latents, again_tokens] = networks.run(cuda, at::kBFloat16);
  CHECK(at::equal(again_latents, half_latents));
  CHECK(at::equal(again_tokens, half_tokens));
}
