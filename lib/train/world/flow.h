// A trained generator at work: clips out of noise, and noised latents made clear.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "models/wan/train_dit.h"

namespace vega::train {

// Shares of noise from 1 down to 0, steps + 1 of them: s = shift u / (1 + (shift - 1) u) of even
// steps u. shift above 1 spends more of them on noisy latents (Wan2.1 samples with 3 to 8).
std::vector<double> flow_shares(std::int64_t steps, double shift);

// Follows the flow from noise (N, 16, F, h, w), float32 on the network's device, down the shares,
// in steps of Euler: x += (next s - s) v(x, s). prompt: as TrainDit::forward. Returns latents.
at::Tensor follow_flow(const wan::TrainDit& network, const at::Tensor& noise,
                       const std::vector<double>& shares, const at::Tensor& prompt);

// What the network takes noised latents for in one look: x - s v(x, s), where x (N, 16, F, h, w)
// holds a share s of noise.
at::Tensor cleared(const wan::TrainDit& network, const at::Tensor& latents, double share,
                   const at::Tensor& prompt);

// Noise of clips first .. first + count: (count, 16, F, h, w) float32 on the CPU. Frame f of clip c
// is noise v1 (base/philox.h) of `name`, frame c F + f: it depends on nothing else.
struct ClipShape {
  std::int64_t frames = 1, rows = 0, columns = 0;  // of latents
};
at::Tensor clip_noise(std::uint64_t seed, const char* name, std::int64_t first, std::int64_t count,
                      const ClipShape& shape);

}  // namespace vega::train
