// The latents of all pictures, in memory, and the VAE that makes them.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <span>
#include <vector>

#include "models/wan/linear_vae.h"
#include "run/context.h"
#include "train/world/clips.h"
#include "train/world/walks.h"

namespace vega::train {

// bfloat16: its rounding (a 256th at most) is far below the noise that training adds.
class LatentStore {
 public:
  // lengths: pictures of each walk. mirrored: each picture is there a second time, mirrored before
  // it was encoded (the mirror image of a latent is not the latent of the mirror image).
  LatentStore(std::span<const std::size_t> lengths, ImageSize size, bool mirrored);

  static double bytes(std::size_t pictures, ImageSize size, bool mirrored);

  // latent (16, h, w), on any device. Safe from several threads for different places.
  void put(std::size_t walk, std::size_t place, bool mirrored, const at::Tensor& latent);

  // (N, 16, F, h, w) float32 on the CPU, of clips of one length F.
  at::Tensor clips(std::span<const Clip> clips) const;

 private:
  std::vector<at::Tensor> walks_;  // (pictures, 1 or 2, 16, h, w)
};

// Fits a VAE to at most recipe.vae_pictures pictures, evenly spread over all. Throws InputError
// (also where the pictures hardly differ), Stopped.
wan::LinearVae fit_vae(std::span<const Walk> walks, const WorldRecipe& recipe);

// Encodes every picture alone, in float32. On the CPU each picture is encoded on one thread, so
// that no latent depends on recipe.threads. Throws InputError, DeviceError, Stopped.
LatentStore encode_walks(std::span<const Walk> walks, const wan::LinearVae& vae,
                         const WorldRecipe& recipe, const Context& context);

}  // namespace vega::train
