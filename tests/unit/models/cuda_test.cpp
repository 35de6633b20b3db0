// The same network on a GPU: float32 to the fp32 bar, bf16 to the bf16 bar, equal bits from run to
// run.
#include <ATen/ATen.h>

#include <catch2/catch.hpp>
#include <iostream>
#include <string_view>

#include "core/device.h"
#include "core/profile.h"
#include "core/tensor.h"
#include "models/op_groups.h"
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

// Of 832x480 in bfloat16, by the groups of `vega-extract profile`. The tiny VAE has a twelfth of
// the real one's widths; its input has all three channels, so that the sum is a little too large.
TEST_CASE("norms, additions and padding of the VAE move less than 2 GB a frame", "[cuda]") {
  if (!test::has_cuda("the VAE's traffic")) return;
  const at::Device cuda(at::kCUDA, 0);
  const test::OwnedTensors weights = test::tiny_vae();
  const wan::VaeEncoder vae(weights.views(), test::tiny_vae_config(), {cuda, at::kBFloat16, false});
  const at::Tensor pixels = at::zeros({1, 3, 64, 96}, at::TensorOptions(cuda).dtype(at::kBFloat16));
  Profile profile(cuda);
  vae.encode(pixels);
  double bytes = 0;
  for (const ProfileRow& row : profile.rows()) {
    const std::string_view group = row.group;
    if (group == op_groups::kRmsSilu || group == op_groups::kPadding) bytes += row.work.bytes;
  }
  const double frame = bytes * 12 * (832 * 480) / (64 * 96);
  std::cout << "elementwise traffic of a frame: " << frame / 1e9 << " GB\n";
  CHECK(frame < 2.0e9);
  CHECK(frame > 1.5e9);
}
