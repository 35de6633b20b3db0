// SigLIP's vision tower that trains: the plain form of siglip::Tower, with gradients.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "models/siglip/config.h"
#include "nn/lora.h"
#include "nn/weight_table.h"

namespace vega::siglip {

struct TrainTowerOptions {
  at::ScalarType dtype = at::kFloat;  // of the matrix products: float, bfloat16; double in tests
  bool recompute = true;              // a layer's inner values are computed again (nn/recompute.h)
};

class TrainTower {
 public:
  // weights: those of tower_tensors(config), by their canonical names with `prefix` in place of
  // kPrefix. The tensors are shared, not copied. Throws InputError (missing, of another shape).
  TrainTower(const Config& config, const WeightTable& weights, const std::string& prefix,
             const TrainTowerOptions& options);

  // pixels (N, 3, H, W) float32 in [-1, 1] on the device, H and W at least grid * patch. Returns
  // (N, grid * grid, width): the residual stream after the last layer, float32 as in siglip::Tower
  // (float64 where dtype is that). Throws InputError (shape).
  at::Tensor forward(const at::Tensor& pixels) const;

 private:
  struct Layer {
    at::Tensor norm1_weight, norm1_bias, norm2_weight, norm2_bias;
    LoraLinear q, k, v, out, fc1, fc2;  // without adapters
  };

  Layer take_layer(const WeightTable& weights, const std::string& name) const;
  at::Tensor embed(const at::Tensor& pixels) const;
  // All that a layer reads besides its tensors: a graph may outlive the tower.
  struct Settings {
    Config config;
    TrainTowerOptions options;
  };
  static at::Tensor attend(const Settings& settings, const Layer& layer, const at::Tensor& normed);
  static at::Tensor run_layer(const Settings& settings, const Layer& layer, const at::Tensor& x);

  Config config_;
  TrainTowerOptions options_;
  LoraLinear patch_;
  at::Tensor positions_;
  std::vector<Layer> layers_;
};

}  // namespace vega::siglip
