// Wan's VAE encoder with weights that are written down instead of trained: its latents are the 16
// largest principal components of 8x8 pixels x 3 colours, each with mean 0 and deviation 1.
//
// Three stages gather 2x2 neighbours in the stride-2 convolutions of the encoder, and each keeps as
// many directions as the width allows. At base 8: 2x2 x 3 colours -> 8, 2x2 x 8 -> 16, 2x2 x 16 ->
// the 16 latents. What makes a deep network with norms and SiLU linear:
//   residual blocks  their second convolution is zero; shortcuts that widen copy the channels
//   attention        its output projection is zero
//   last norm        the last channel is the constant 2^14, so that the norm divides by a constant
//   last SiLU        it meets values of about 2^-14, where SiLU(x) = x / 2 within 2^-15 of x
//   head, conv1      one gain takes that back; conv1 applies Wan's latent mean and deviation
// Causal convolutions have a last temporal slice alone: a frame does not depend on earlier ones.
// Every weight is a number that bfloat16 holds, so that a model stored in bf16 is the same model.
// Source: Wan-Video/Wan2.1 modules/vae.py (the network); the rest is vega's own.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "base/dtype.h"
#include "models/wan/config.h"
#include "nn/weight_table.h"

namespace vega::wan {

struct LinearVae {
  VaeConfig config;
  // By the canonical names of vae_tensors, float32 on the CPU. What is absent of "decoder." and
  // "conv2." counts as zeros: LinearVaeFit writes the encoder and conv1 alone.
  WeightTable weights;
  // Element types in the file that it was read from, by canonical name; empty: it is a new one.
  std::map<std::string, DType> types;
  // The way back: pixels = pixel_mean + sum over k of latent[k] * pixel_map[k], float32. Undefined
  // where a model has none (a VAE that another program trained).
  at::Tensor pixel_map;   // (16, 3, 8, 8)
  at::Tensor pixel_mean;  // (3, 8, 8)
  // Shares of variance, 0 to 1, over the pictures of the fit: of the principal components in the
  // latents (the worst of the 16), and of the pixels in what pixel_map makes of the latents.
  double r2 = 0, pixel_r2 = 0;
};

inline constexpr std::int64_t kLeastLinearBase = 5;  // 4 x 5 channels hold 16 latents, a constant

// Collects pictures. The same pictures in the same order give the same weights, however they are
// split into calls of add.
class LinearVaeFit {
 public:
  // base: VaeConfig::base, at least kLeastLinearBase and at most 96. Throws InputError.
  explicit LinearVaeFit(std::int64_t base = 8);

  // pictures (N, 3, H, W) of any floating type and device, values in [-1, 1], H and W multiples of
  // 8. Throws InputError. A call holds its pictures in float64, and 0.3 MB each; 0.3 MB stay.
  void add(const at::Tensor& pictures);

  std::int64_t pictures() const { return pictures_; }

  // The deviation of a latent is that of its principal component to this power, over one factor
  // that makes the mean square 1: at 0 all have deviation 1, at 1 they keep the proportions of the
  // pixels. Throws InputError where the pictures vary in fewer than 16 directions (such as one
  // constant picture).
  LinearVae finish(double power = 0) const;

 private:
  std::int64_t base_ = 8, pictures_ = 0, patches_ = 0;
  at::Tensor sum_, products_;  // float64 (192), (192, 192), of pixels of 8x8 patches
};

// latents (N, 16, h, w), normalised, of any floating type. Returns (N, 3, 8h, 8w) float32 on their
// device, clamped to [-1, 1]. Throws InputError (shape; a VAE without pixel_map).
at::Tensor latents_to_pixels(const LinearVae& vae, const at::Tensor& latents);

// The VAE of a model folder in either layout, and the way back where the folder's record names its
// file (models/wan/record.h). r2 and pixel_r2 are 0. Throws InputError, FormatError.
LinearVae read_linear_vae(const std::filesystem::path& model);

}  // namespace vega::wan
