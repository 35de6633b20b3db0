// Work and memory of Wan2.1 a frame, in closed form. FLOP: 2 a multiply-add, matrix products and
// convolutions only, padding counted as work; the totals reproduce those counted operator by
// operator on the two networks (tests/unit/models/flops_test.cpp).
#pragma once

#include <cstdint>

#include "base/dtype.h"
#include "media/image.h"
#include "models/cost.h"
#include "models/wan/config.h"

namespace vega::wan {

// Tokens of a picture; its sides are multiples of 16.
double token_count(const DitConfig& config, ImageSize size);

// VAE encoder. Released: 3x3x3 kernels with all their temporal slices. Shortcut (VaeEncoder): 3x3
// kernels, the tail as one convolution, four 1x1 products of the attention as two.
double vae_flops(const VaeConfig& config, ImageSize size, bool shortcut);

// One block as released: 512 keys and values of the context computed for every frame.
double block_flops(const DitConfig& config, double tokens);

// One block of the shortcut algorithm. down_tokens: rows that meet the last matrix (196 when
// pooled to 14x14). prompt_rows: rows of the prompt that are not padding.
double short_block_flops(const DitConfig& config, double tokens, double down_tokens,
                         double prompt_rows = 1);

double patch_flops(const DitConfig& config, double tokens);

// As released: patch embedding, text MLP over all rows, time MLP, all blocks, head.
double dit_flops(const DitConfig& config, double tokens);

// Patch embedding and blocks 0..last, the last one pooled to `pooled` tokens.
double short_dit_flops(const DitConfig& config, double tokens, std::int64_t last,
                       double pooled = 196, double prompt_rows = 1);

// Numbers that VaeEncoder, and Dit for blocks 0..last, keep on the device.
double vae_weights(const VaeConfig& config);
double dit_weights(const DitConfig& config, std::int64_t last, double prompt_rows = 1);

// Of the weights as read, those of blocks 0..last that a timestep is folded into.
double dit_kept_weights(const DitConfig& config, std::int64_t last);

// Bytes that one frame needs at its worst: at full size the VAE's first level holds six tensors of
// `base` channels; then a block's stream, q, k, v and hidden layer.
double activation_bytes(const VaeConfig& vae, const DitConfig& dit, ImageSize size, DType compute);

// What features are taken for.
struct Features {
  ImageSize size;
  DType compute = DType::kF32;
  std::int64_t last = 20;                 // deepest block
  std::int64_t passes = 1;                // distinct timesteps
  std::int64_t pool_h = 14, pool_w = 14;  // 0: native grid
  std::int64_t prompt_rows = 1;
  DType kept = DType::kBF16;      // type of the weights as read that stay on the device for a sweep
  bool keep_weights = false;      // whether they do (Dit::Options)
  bool fp8_feed_forward = false;  // Dit::Options
};
Cost cost_of(const VaeConfig& vae, const DitConfig& dit, const Features& features);

}  // namespace vega::wan
