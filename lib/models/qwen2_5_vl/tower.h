// Qwen2.5-VL's vision tower: patches without learned positions, pre-norm layers with rotary
// embedding of row and column, attention within windows and in a few layers within the picture; at
// the end four patches of a cell become one token of the decoder.
//
// Exact shortcuts: both pictures of a patch are the same, so that their weights are added; the
// attention scale is folded into the queries' weights. Source: huggingface/transformers
// modeling_qwen2_5_vl.py.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "models/qwen2_5_vl/config.h"
#include "models/qwen2_5_vl/windows.h"
#include "nn/named_tensors.h"
#include "nn/rope.h"

namespace vega::qwen2_5_vl {

class Tower {
 public:
  struct Options {
    at::Device device{at::kCPU};
    at::ScalarType dtype = at::kFloat;  // float or bfloat16
  };

  // weights: those of tower_tensors(config), by name. On the CPU those of the compute type stay
  // where they are: the mapped file must outlive the tower.
  Tower(const WeightViews& weights, const VisionConfig& config, const Options& options);

  // patches (N, 4 * grid_h * grid_w, kPatchValues) float32 on the device: N pictures of grid_h
  // rows of grid_w cells, as patches_of cuts them. Returns (N, grid_h * grid_w, out) of the
  // compute type: the decoder's tokens, row by row. Pictures do not see each other.
  // Throws InputError (shape, type, device).
  at::Tensor forward(const at::Tensor& patches, std::int64_t grid_h, std::int64_t grid_w) const;

 private:
  struct Linear {
    at::Tensor weight, bias;
    at::Tensor operator()(const at::Tensor& x) const;
  };
  struct Layer {
    at::Tensor norm1, norm2;
    Linear qkv, proj, gate, up, down;
    bool full = false;  // attention within the whole picture
  };
  // What the size of the pictures decides.
  struct Grid {
    WindowOrder order;
    at::Tensor cell, place;  // of order, on the device
    RopeTable rope;          // (4 * cells, head_dim / 2) float32, in the order of windows
  };

  // In the compute type, on the device.
  at::Tensor take(const WeightViews& weights, const std::string& name) const;
  Linear take_linear(const WeightViews& weights, const std::string& name) const;
  Layer take_layer(const WeightViews& weights, std::int64_t index) const;
  Grid grid_of(std::int64_t grid_h, std::int64_t grid_w) const;
  at::Tensor attend(const Layer& layer, const at::Tensor& normed, const Grid& grid,
                    std::int64_t count) const;
  at::Tensor run(const at::Tensor& patches, const Grid& grid) const;

  VisionConfig config_;
  Options options_;
  at::Tensor patch_weight_, merge_norm_;
  std::vector<Layer> layers_;
  Linear merge_, out_;
};

}  // namespace vega::qwen2_5_vl
