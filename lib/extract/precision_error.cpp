#include "extract/precision_error.h"

#include <ATen/ATen.h>
#include <fmt/core.h>

#include "core/device.h"
#include "core/dtype.h"

namespace vega::extract {
namespace {

struct Frame {
  at::Tensor pixels, eps;
};

std::vector<at::Tensor> features_of(Backbone& backbone, const std::vector<std::size_t>& pass,
                                    const Frame& frame) {
  backbone.begin(pass);
  return backbone.run(backbone.encode(frame.pixels), frame.eps);
}

std::vector<at::Tensor> features_in(DType dtype, const Recipe& recipe,
                                    const std::vector<std::size_t>& pass, const Frame& frame) {
  BackboneOptions options = recipe.backbone_options();
  options.dtype = scalar_type(dtype);
  options.fp8_feed_forward = false;
  std::vector<at::Tensor> out;
  {
    const auto backbone = make_backbone(options);
    backbone->load();
    out = features_of(*backbone, pass, frame);
  }
  empty_cache(recipe.device);
  return out;
}

double distance(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor wide = b.to(at::kDouble);
  return ((a.to(at::kDouble) - wide).norm() / wide.norm()).item<double>();
}

}  // namespace

std::string PrecisionError::text() const {
  std::string out;
  for (const TapError& one : taps)
    out += fmt::format("{}{}: fp8 {:.2g}, bf16 {:.2g}", out.empty() ? "" : "; ", one.tap, one.fp8,
                       one.bf16);
  return out;
}

PrecisionError measure_precision(const NetworkInput& input, Backbone& backbone,
                                 const std::vector<std::size_t>& wanted) {
  const Recipe& recipe = input.recipe;
  Frame frame{at::empty({1, 3, recipe.size.height, recipe.size.width}, at::kFloat),
              at::empty({1, input.noise.size()}, at::kFloat)};
  input.write_pixels(0, frame.pixels[0]);
  input.write_noise(0, frame.eps.mutable_data_ptr<float>());
  const std::vector<std::size_t> pass = backbone.passes(wanted).front();
  const auto exact = features_in(DType::kF32, recipe, pass, frame);
  const auto half = features_in(DType::kBF16, recipe, pass, frame);
  const auto eight = features_of(backbone, pass, frame);
  PrecisionError out{input.frames.id(0), {}};
  for (std::size_t i = 0; i < pass.size(); ++i)
    out.taps.push_back(
        {backbone.taps()[pass[i]].name, distance(eight[i], exact[i]), distance(half[i], exact[i])});
  return out;
}

}  // namespace vega::extract
