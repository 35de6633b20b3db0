#include "models/qwen2_5_vl/patches.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "core/check.h"
#include "core/tensor.h"
#include "models/qwen2_5_vl/config.h"

namespace vega::qwen2_5_vl {

at::Tensor patches_of(const UnitImage& image, const Normalization& normalization) {
  const c10::NoGradGuard no_grad;
  const bool whole = !image.size().empty() && image.width % kCell == 0 && image.height % kCell == 0;
  check_that(whole, "qwen2_5_vl::patches_of", "image", to_string(image.size()),
             "multiples of 28 pixels");
  const at::Tensor pixels = float_tensor(image.chw, {3, image.height, image.width});
  const at::Tensor mean = float_tensor(normalization.mean, {3, 1, 1});
  const at::Tensor deviation = float_tensor(normalization.deviation, {3, 1, 1});
  const std::int64_t rows = image.height / kCell, columns = image.width / kCell;
  return ((pixels - mean) / deviation)
      .view({3, rows, kMerge, kPatch, columns, kMerge, kPatch})
      .permute({1, 4, 2, 5, 0, 3, 6})
      .reshape({rows * columns * kCellPatches, kPatchValues});
}

}  // namespace vega::qwen2_5_vl
