#include "models/qwen2_5_vl/patches.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <string>

#include "core/check.h"
#include "core/tensor.h"
#include "models/qwen2_5_vl/config.h"

namespace vega::qwen2_5_vl {

at::Tensor patches_of(const UnitImage& image, const Normalization& normalization) {
  return patches_of(float_tensor(image.chw, {1, 3, image.height, image.width}), normalization)[0];
}

at::Tensor patches_of(const at::Tensor& pixels, const Normalization& normalization) {
  const c10::NoGradGuard no_grad;
  const char* op = "qwen2_5_vl::patches_of";
  check_shape(op, "image", pixels, {kAny, 3, kAny, kAny});
  const std::int64_t count = pixels.size(0), height = pixels.size(2), width = pixels.size(3);
  const bool whole = height > 0 && width > 0 && width % kCell == 0 && height % kCell == 0;
  check_that(whole, op, "image", std::to_string(width) + "x" + std::to_string(height),
             "multiples of 28 pixels");
  const at::Tensor mean = float_tensor(normalization.mean, {3, 1, 1}).to(pixels.device());
  const at::Tensor deviation = float_tensor(normalization.deviation, {3, 1, 1}).to(pixels.device());
  const std::int64_t rows = height / kCell, columns = width / kCell;
  return ((pixels - mean) / deviation)
      .view({count, 3, rows, kMerge, kPatch, columns, kMerge, kPatch})
      .permute({0, 2, 5, 3, 6, 1, 4, 7})
      .reshape({count, rows * columns * kCellPatches, kPatchValues});
}

}  // namespace vega::qwen2_5_vl
