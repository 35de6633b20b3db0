// Sizes of a Wan2.1 text-to-video model, as config.json states them or the weights imply them.
#pragma once

#include <array>
#include <cstdint>

namespace vega::wan {

// Diffusion transformer (WanModel / WanTransformer3DModel). Defaults: Wan2.1-T2V-1.3B.
struct DitConfig {
  std::int64_t dim = 1536;
  std::int64_t ffn_dim = 8960;
  std::int64_t heads = 12;
  std::int64_t layers = 30;
  std::int64_t freq_dim = 256;   // width of the time sinusoid
  std::int64_t text_dim = 4096;  // width of the prompt embedding
  std::int64_t text_len = 512;   // rows of the padded prompt
  std::int64_t in_dim = 16;
  std::int64_t out_dim = 16;
  std::int64_t patch = 2;  // latent cells a token, each way: 2 in the releases, or 1
  double eps = 1e-6;

  std::int64_t head_dim() const { return dim / heads; }
  // Numbers of a token's patch, before the network and behind its head.
  std::int64_t patch_in() const { return in_dim * patch * patch; }
  std::int64_t patch_out() const { return out_dim * patch * patch; }
};

// Video autoencoder (Wan2.1_VAE / AutoencoderKLWan). The .pth carries no configuration: the base
// width is read from the shape of encoder.conv1.weight.
struct VaeConfig {
  std::int64_t base = 96;
  std::int64_t z_dim = 16;
  std::array<std::int64_t, 4> mult{1, 2, 4, 4};
  std::int64_t res_blocks = 2;
};

inline constexpr std::int64_t kLatentStride = 8;  // pixels a latent cell
inline constexpr std::int64_t kPixelStride = 16;  // sides of pictures are multiples of it

// Latent mean and standard deviation per channel (constants of the reference code, not of the
// checkpoint).
inline constexpr std::array<double, 16> kLatentMean{
    -0.7571, -0.7089, -0.9113, 0.1075,  -0.1745, 0.9653,  -0.1517, 1.5508,
    0.4134,  -0.0715, 0.5517,  -0.3632, -0.1922, -0.9497, 0.2503,  -0.2921};
inline constexpr std::array<double, 16> kLatentStd{2.8184, 1.4541, 2.3275, 2.6558, 1.2196, 1.7708,
                                                   2.6052, 2.0743, 3.2687, 2.1526, 2.8652, 1.5579,
                                                   1.6382, 1.1253, 2.8251, 1.9160};

}  // namespace vega::wan
