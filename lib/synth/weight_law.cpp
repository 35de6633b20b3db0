#include "synth/weight_law.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/philox.h"

namespace vega::synth {
namespace {

bool ends(const std::string& name, std::string_view tail) { return name.ends_with(tail); }

double fan_in(const std::string& name, const Shape& shape) {
  if (name.starts_with("vae.") && shape.size() == 5 && shape[2] == 3 && shape[3] == 3) {
    return static_cast<double>(shape[1] * 9);
  }
  std::int64_t fan = 1;
  for (std::size_t i = 1; i < shape.size(); ++i) fan *= shape[i];
  return static_cast<double>(fan);
}

// Of a model that is trained from scratch.
WeightLaw start_law(const std::string& name, const Shape& shape) {
  if (ends(name, ".bias")) return {0, 0};
  if (shape.size() == 1 && ends(name, ".weight")) return {1, 0};
  if (ends(name, "embed_tokens.weight") || ends(name, "_zero_target")) return {0, 1};
  if (ends(name, "image_newline")) return {0, 0.02};
  return {0, 1 / std::sqrt(3 * fan_in(name, shape))};
}

}  // namespace

WeightLaw weight_law(const std::string& name, const Shape& shape) {
  if (name.starts_with("study.")) return start_law(name, shape);
  if (name.starts_with("drawn.")) return {0, ends(name, ".bias") ? 0 : 0.02};
  if (name == "prompt.context") return {0, 0.3};
  if (name.starts_with("vae.") && ends(name, ".gamma")) return {1, 0.25};
  if (name.starts_with("dit.")) {
    if (ends(name, "norm_q.weight") || ends(name, "norm_k.weight")) return {2, 0.4};
    if (ends(name, "norm3.weight")) return {1, 0.25};
    if (ends(name, "modulation")) return {0, 0.3};
  }
  if (name.starts_with("umt5.")) {
    if (ends(name, "norm1.weight") || ends(name, "norm2.weight") || name == "umt5.norm.weight")
      return {1, 0.25};
    if (ends(name, "token_embedding.weight")) return {0, 1.0};
    if (ends(name, "pos_embedding.embedding.weight")) return {0, 0.5};
  }
  if (name.starts_with("siglip.")) {
    if (ends(name, "norm1.weight") || ends(name, "norm2.weight") || ends(name, "norm.weight"))
      return {1, 0.25};
    if (ends(name, "position_embedding.weight")) return {0, 0.5};
    if (ends(name, "in_proj_bias")) return {0, 0.1};
    // Sharper than chance, so that a wrong score scale shows.
    if (ends(name, "q_proj.weight") || ends(name, "k_proj.weight"))
      return {0, 1.5 / std::sqrt(fan_in(name, shape))};
  }
  if (name.starts_with("vlm.")) {
    if (ends(name, "norm.weight") || ends(name, "norm1.weight") || ends(name, "norm2.weight") ||
        (ends(name, ".2.weight") && shape.size() == 1))
      return {1, 0.25};
    if (ends(name, "embed_tokens.weight") || ends(name, "lm_head.weight")) return {0, 0.5};
  }
  if (name.starts_with("spatial.")) {
    if (ends(name, "residual_scale")) return {0.6, 0.1};
    if (ends(name, "weight_2d") || ends(name, "weight_3d")) return {0.5, 0.1};
    if (ends(name, "in_proj_bias")) return {0, 0.1};
    if (shape.size() == 1 && ends(name, ".weight")) return {1, 0.25};
  }
  if (name.starts_with("qwen2_5_vl.")) {
    if (shape.size() == 1 && ends(name, ".weight")) return {1, 0.25};
    if (ends(name, "embed_tokens.weight")) return {0, 0.15};
    if (ends(name, "lm_head.weight")) return {0, 2 / std::sqrt(fan_in(name, shape))};
    if (ends(name, "attn.qkv.weight") || ends(name, "q_proj.weight") || ends(name, "k_proj.weight"))
      return {0, 1.5 / std::sqrt(fan_in(name, shape))};
  }
  if (ends(name, ".bias")) return {0, 0.1};
  // Latents of order one, as real ones are: the noise must not drown the picture.
  if (name == "vae.encoder.head.2.weight") return {0, 4.0 / std::sqrt(fan_in(name, shape))};
  return {0, 1.0 / std::sqrt(fan_in(name, shape))};
}

void fill_weights(std::uint64_t seed, const std::string& name, const Shape& shape,
                  std::int64_t first, std::span<float> out) {
  const WeightLaw law = weight_law(name, shape);
  uniform_tensor(seed, name, law.mean, law.deviation * std::sqrt(3.0), first, out);
}

void stream_weights(std::uint64_t seed, const std::string& name, const Shape& shape, DType dtype,
                    const std::function<void(std::span<const std::byte>)>& sink) {
  if (dtype != DType::kF32 && dtype != DType::kF16 && dtype != DType::kBF16) {
    throw InputError(explain("weights", std::string(name_of(dtype)), "f32, f16 or bf16"));
  }
  constexpr std::int64_t kPiece = 1 << 20;
  const std::int64_t count = element_count(shape);
  std::vector<float> values;
  std::vector<std::uint16_t> halves;
  for (std::int64_t first = 0; first < count; first += kPiece) {
    values.resize(static_cast<std::size_t>(std::min(kPiece, count - first)));
    fill_weights(seed, name, shape, first, values);
    if (dtype == DType::kF32) {
      sink(std::as_bytes(std::span(values)));
      continue;
    }
    halves.resize(values.size());
    std::transform(values.begin(), values.end(), halves.begin(),
                   dtype == DType::kF16 ? f16_from_f32 : bf16_from_f32);
    sink(std::as_bytes(std::span(halves)));
  }
}

}  // namespace vega::synth
