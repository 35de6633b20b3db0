#include "models/wan/linear_vae.h"

#include <ATen/ATen.h>

#include "base/error.h"
#include "core/tensor.h"
#include "models/wan/checkpoint.h"
#include "models/wan/record.h"
#include "weights/model_files.h"
#include "weights/safetensors.h"

namespace vega::wan {
namespace fs = std::filesystem;
namespace {

// A tensor of pixels.safetensors.
at::Tensor pixel_tensor(const TensorSet& set, const fs::path& file, const std::string& name,
                        const Shape& shape) {
  const TensorView* view = set.find(name);
  if (view == nullptr || view->shape != shape) {
    throw FormatError(explain(file.string() + ": " + name,
                              view == nullptr ? "nothing" : to_string(view->shape),
                              to_string(shape)));
  }
  check_finite(name, *view, file);
  return owned_float_from(*view);
}

}  // namespace

at::Tensor latents_to_pixels(const LinearVae& vae, const at::Tensor& latents) {
  if (!vae.pixel_map.defined()) {
    throw InputError(explain("VAE", "no map from latents to pixels", "one that vega-train wrote",
                             "take a model with pixels.safetensors"));
  }
  if (latents.dim() != 4 || latents.size(1) != vae.pixel_map.size(0)) {
    throw InputError(explain("latents", to_string(Shape(latents.sizes().vec())), "(N, 16, h, w)"));
  }
  const at::Tensor map = vae.pixel_map.to(latents.device());
  const at::Tensor mean = vae.pixel_mean.to(latents.device());
  const at::Tensor out = at::conv_transpose2d(latents.to(at::kFloat), map, {}, kLatentStride);
  return out.add_(mean.repeat({1, latents.size(2), latents.size(3)})).clamp_(-1, 1);
}

LinearVae read_linear_vae(const fs::path& model) {
  const Checkpoint checkpoint = open_checkpoint(model);
  checkpoint.check_finite(-1);
  LinearVae vae;
  vae.config = checkpoint.vae_config;
  for (const auto& [name, view] : checkpoint.vae) {
    vae.weights[name] = owned_float_from(view);
    vae.types[name] = view.dtype;
  }
  const auto record = read_model_record(model);
  if (!record || record->pixel_map.empty()) return vae;
  const fs::path file = model / record->pixel_map;
  const TensorSet set = read_safetensors(file);
  vae.pixel_map = pixel_tensor(set, file, "pixel_map", {16, 3, kLatentStride, kLatentStride});
  vae.pixel_mean = pixel_tensor(set, file, "pixel_mean", {3, kLatentStride, kLatentStride});
  return vae;
}

}  // namespace vega::wan
