#include "fusion/spatial_fusion.h"

#include <ATen/ATen.h>

#include <array>
#include <utility>

#include "core/check.h"

namespace vega {

at::Tensor to_patches(const at::Tensor& features, Grid patches) {
  check_shape("to_patches", "features", features, {kAny, kAny, kAny, kAny});
  const at::Tensor wide = features.to(at::kFloat);
  if (features.size(1) == patches.rows && features.size(2) == patches.columns) return wide;
  const std::array<std::int64_t, 2> size{patches.rows, patches.columns};
  return at::upsample_bilinear2d(wide.permute({0, 3, 1, 2}), size, /*align_corners=*/false)
      .permute({0, 2, 3, 1});
}

SpatialFusion::SpatialFusion(const FusionCheckpoint& checkpoint, const Placement& placement)
    : placement_(placement),
      merger_(checkpoint.generative_merger(placement)),
      fusion_(checkpoint.fusion_module(placement)) {}

SpatialFusion::SpatialFusion(Merger merger, Fusion fusion, const Placement& placement)
    : placement_(placement), merger_(std::move(merger)), fusion_(std::move(fusion)) {}

SpatialFusion::Result SpatialFusion::forward(const at::Tensor& semantic, const at::Tensor& features,
                                             const std::optional<DropoutKey>& dropout) const {
  check_shape("spatial fusion", "semantic", semantic, {kAny, kAny, kAny, fusion_.config().width});
  check_shape("spatial fusion", "features", features,
              {semantic.size(0), kAny, kAny, merger_.config().in});
  check_device("spatial fusion", "features", features, placement_.device);
  const at::Tensor patches =
      to_patches(features, {2 * semantic.size(1), 2 * semantic.size(2)}).to(placement_.dtype);
  Result out;
  out.generative = merger_.forward(patches);
  FusionInputs inputs;
  inputs.dropout = dropout;
  out.fused = fusion_.forward(semantic, out.generative, inputs, &out.trace);
  return out;
}

double SpatialFusion::residual_scale() const {
  const FusionConfig& config = fusion_.config();
  const bool residual =
      config.method == FusionMethod::kTokenGated && config.form == GateForm::kResidual;
  return residual ? find_parameter(fusion_.parameters(), "residual_scale").item<double>() : 1;
}

}  // namespace vega
