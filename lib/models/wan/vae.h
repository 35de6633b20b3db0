// Wan2.1 VAE encoder in per-frame mode (T = 1), as a plain 2D network.
//
// Exact shortcuts (docs/kernels/wan.md): with one frame and an empty cache only the last temporal
// slice of a 3x3x3 kernel meets data (a); the tail composes head convolution, 1x1 convolution and
// latent statistics into one 3x3 convolution with 16 outputs (e5); attention runs on x / ||x|| with
// two folded matrices instead of four (e6). Source: Wan-Video/Wan2.1 modules/vae.py (Encoder3d,
// WanVAE_.encode).  Oracle: tests/ref/wan_ref.h.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "models/wan/config.h"
#include "nn/named_tensors.h"

namespace vega::wan {

// Bytes of scores that VaeEncoder's attention takes at a time on a GPU, for frames of `cells` cells
// and numbers of `width` bytes: one map of the first level, of which several have been given back,
// and 32 MiB at least.
std::int64_t score_bytes(const VaeConfig& config, std::int64_t frames, std::int64_t cells,
                         std::int64_t width);

class VaeEncoder {
 public:
  struct Options {
    at::Device device{at::kCPU};
    at::ScalarType dtype = at::kFloat;  // float or bfloat16
    bool bf16_latent_constants =
        false;  // the release rounds latent mean and 1/std to bf16 (--compat reference)
  };

  // Weights of any floating type; needs the names of vae_tensors (the decoder's are not read).
  VaeEncoder(const WeightViews& weights, const VaeConfig& config, const Options& options);

  // pixels (N, 3, H, W) float32 in [-1, 1] on the device, H and W multiples of 16.
  // Returns normalised latent means (N, 16, H/8, W/8) float32. Frames do not see each other.
  at::Tensor encode(const at::Tensor& pixels) const;

 private:
  // bias in the convolution's own type on the CPU; on a GPU `later`, float32, which whoever reads
  // the result next adds, so that it is rounded once.
  struct Conv {
    at::Tensor weight, bias, later;
  };
  struct Residual {
    at::Tensor scale1, scale2;
    Conv conv1, conv2, shortcut;  // shortcut undefined where widths match
    at::Tensor add;               // on a GPU: what its sum still lacks, (C) float32
  };
  // The two summands of a residual block: its convolutions' result, and its input or shortcut.
  struct Parts {
    at::Tensor inner, outer;
  };
  struct Attention {
    at::Tensor query_weight, query_bias, value_weight, value_bias;  // folded (e6)
  };
  struct Level {
    std::vector<Residual> blocks;
    Conv down;  // undefined on the last level
  };

  Conv conv(const WeightViews& weights, const std::string& name) const;
  Residual residual(const WeightViews& weights, const std::string& name,
                    const at::Tensor& lacks) const;
  at::Tensor place(const at::Tensor& weight) const;
  void fold_attention(const WeightViews& weights);
  void fold_tail(const WeightViews& weights);
  at::Tensor input(const at::Tensor& pixels) const;
  Parts run(const Residual& block, at::Tensor x, at::Tensor normed) const;
  at::Tensor run(const Attention& attention, const at::Tensor& unit) const;
  void warn_of_plans(std::int64_t refused_before) const;
  void log_steps(std::int64_t frames, std::int64_t cells) const;

  VaeConfig config_;
  Options options_;
  Conv first_, tail_;
  std::vector<Level> levels_;
  std::vector<Residual> middle_;
  Attention attention_;
  at::Tensor tail_scale_, ones_;
  mutable std::int64_t logged_ = 0;  // cells of the last shape that was; on a GPU, so of one thread
};

}  // namespace vega::wan
