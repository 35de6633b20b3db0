// SigLIP's vision tower: patches, learned positions, pre-norm transformer layers. No norm and no
// pooling after the last one.
//
// Exact shortcuts (docs/kernels/siglip.md): the norms' weights and biases and the attention scale
// are folded into the next matrices; q, k, v in one GEMM; the key bias cancels in the softmax; the
// value bias passes through it into the output bias; the patch bias rides on the positions. Source:
// huggingface/transformers modeling_siglip.py.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "models/cost.h"
#include "models/siglip/config.h"
#include "nn/named_tensors.h"

namespace vega::siglip {

class Tower {
 public:
  struct Options {
    at::Device device{at::kCPU};
    at::ScalarType dtype = at::kFloat;  // float or bfloat16
  };

  // weights: those of tower_tensors(config), by canonical name; not needed afterwards.
  Tower(const WeightViews& weights, const Config& config, const Options& options);

  // pixels (N, 3, H, W) float32 in [-1, 1] on the device, H and W at least grid * patch. Returns
  // (N, grid * grid, width) float32: the residual stream after the last layer.
  // Throws InputError (shape).
  at::Tensor forward(const at::Tensor& pixels) const;

 private:
  struct Layer {
    at::Tensor qkv_weight, qkv_bias, out_weight, out_bias;
    at::Tensor up_weight, up_bias, down_weight, down_bias;
  };

  at::Tensor wide(const WeightViews& weights, const std::string& name) const;  // float64, on device
  Layer fold(const WeightViews& weights, std::int64_t index) const;
  at::Tensor embed(const at::Tensor& pixels) const;
  at::Tensor attend(const Layer& layer, const at::Tensor& normed) const;

  Config config_;
  Options options_;
  at::Tensor patch_weight_, positions_;  // positions (tokens, width) float32, patch bias included
  std::vector<Layer> layers_;
};

// FLOP: 2 a multiply-add, matrix products only. width_bytes: of the compute type.
Cost cost_of(const Config& config, double width_bytes);

}  // namespace vega::siglip
