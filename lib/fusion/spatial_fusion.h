// The modules of the spatial-reasoning release's generative branch: features of Wan on their own
// grid are brought to the patches of Qwen2.5-VL's picture, merged to its tokens, and fused with
// them.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

#include "fusion/checkpoint.h"
#include "geometry/grid.h"

namespace vega {

// features (V, h, w, C) of any floating type to (V, rows, columns, C) float32: bilinear between
// cell centres (align_corners false, no antialiasing), as they are where the grids are equal.
// Source: VEGA-3D, generative_encoders/encoder.py.
at::Tensor to_patches(const at::Tensor& features, Grid patches);

class SpatialFusion {
 public:
  // Throws InputError where the checkpoint lacks a module.
  SpatialFusion(const FusionCheckpoint& checkpoint, const Placement& placement);
  // Over modules of the same placement. Gradients flow where theirs do.
  SpatialFusion(Merger merger, Fusion fusion, const Placement& placement);

  struct Result {
    at::Tensor generative, fused;  // (V, gh, gw, H) of the modules' type
    FusionTrace trace;             // (V, gh, gw)
  };
  // semantic (V, gh, gw, H): tokens of Qwen2.5-VL's tower; features (V, h, w, C): Wan's. Both on
  // the placement's device. A token is 2 x 2 patches. dropout: in training. Throws InputError
  // (shapes, device).
  Result forward(const at::Tensor& semantic, const at::Tensor& features,
                 const std::optional<DropoutKey>& dropout = {}) const;

  const Fusion& fusion() const { return fusion_; }
  // r of the residual form; 1 where there is none.
  double residual_scale() const;

 private:
  Placement placement_;
  Merger merger_;
  Fusion fusion_;
};

}  // namespace vega
