#include "models/siglip/tower.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cmath>

#include "core/check.h"
#include "core/profile.h"
#include "core/tensor.h"
#include "kernels/attention.h"
#include "kernels/gelu.h"
#include "kernels/layer_norm.h"
#include "models/op_groups.h"
#include "models/siglip/names.h"
#include "models/siglip/patches.h"

namespace vega::siglip {

Tower::Tower(const WeightViews& weights, const Config& config, const Options& options)
    : config_(config), options_(options) {
  const c10::NoGradGuard no_grad;
  const std::string embeddings = "embeddings.";
  patch_weight_ = wide(weights, embeddings + "patch_embedding.weight").flatten(1).to(options.dtype);
  positions_ = (wide(weights, embeddings + "position_embedding.weight") +
                wide(weights, embeddings + "patch_embedding.bias"))
                   .to(at::kFloat);
  for (std::int64_t n = 0; n < config.layers; ++n) layers_.push_back(fold(weights, n));
}

at::Tensor Tower::wide(const WeightViews& weights, const std::string& name) const {
  const TensorView& view = weights.at(std::string(kPrefix) + name);
  return tensor_from(view).to(options_.device).to(at::kDouble);
}

// Everything in double, rounded once.
Tower::Layer Tower::fold(const WeightViews& weights, std::int64_t index) const {
  const std::string name = "encoder.layers." + std::to_string(index) + ".";
  const auto get = [&](const std::string& part) { return wide(weights, name + part); };
  const auto kept = [&](const at::Tensor& t) { return t.to(options_.dtype).contiguous(); };
  const at::Tensor gain = get("layer_norm1.weight"), shift = get("layer_norm1.bias");
  const auto bias_of = [&](const std::string& part, const at::Tensor& weight) {
    return at::mv(weight, shift) + get("self_attn." + part + ".bias");
  };
  const double scale = 1.0 / std::sqrt(static_cast<double>(config_.head_dim()));
  const at::Tensor q = get("self_attn.q_proj.weight"), k = get("self_attn.k_proj.weight"),
                   v = get("self_attn.v_proj.weight"), out = get("self_attn.out_proj.weight");
  // A key bias adds the same to all scores of a query, which the softmax does not see; a value bias
  // comes out as it went in, because the shares of a query sum to 1.
  const at::Tensor none = at::zeros_like(shift);
  Layer layer;
  layer.qkv_weight = kept(at::cat({q * scale, k, v}) * gain);
  layer.qkv_bias = kept(at::cat({bias_of("q_proj", q) * scale, none, none}));
  layer.out_weight = kept(out);
  layer.out_bias = kept(at::mv(out, bias_of("v_proj", v)) + get("self_attn.out_proj.bias"));
  const at::Tensor up = get("mlp.fc1.weight");
  layer.up_weight = kept(up * get("layer_norm2.weight"));
  layer.up_bias = kept(at::mv(up, get("layer_norm2.bias")) + get("mlp.fc1.bias"));
  layer.down_weight = kept(get("mlp.fc2.weight"));
  layer.down_bias = kept(get("mlp.fc2.bias"));
  return layer;
}

at::Tensor Tower::embed(const at::Tensor& pixels) const {
  const OpGroup group(op_groups::kEmbedding, {2 * static_cast<double>(pixels.numel()) *
                                                  static_cast<double>(patch_weight_.size(0)),
                                              static_cast<double>(pixels.nbytes())});
  const at::Tensor patches = patches_of(pixels, config_).to(options_.dtype);
  return at::linear(patches, patch_weight_).to(at::kFloat) + positions_;
}

at::Tensor Tower::attend(const Layer& layer, const at::Tensor& normed) const {
  const std::int64_t n = normed.size(0), tokens = normed.size(1);
  const auto qkv = product(op_groups::kProjections, normed, layer.qkv_weight, layer.qkv_bias)
                       .reshape({n, tokens, 3, config_.heads, config_.head_dim()})
                       .permute({2, 0, 3, 1, 4});
  const at::Tensor mixed = in_group(op_groups::kAttention, attention_work(qkv[0], qkv[1]), [&] {
    return kernels::softmax_attention(qkv[0], qkv[1], qkv[2]);
  });
  return product(op_groups::kProjections, mixed, layer.out_weight, layer.out_bias);
}

at::Tensor Tower::forward(const at::Tensor& pixels) const {
  const c10::NoGradGuard no_grad;
  const char* op = "siglip::Tower";
  check_shape(op, "pixels", pixels, {kAny, kPatchChannels, kAny, kAny});
  const std::int64_t side = config_.grid * config_.patch;
  check_that(pixels.size(2) >= side && pixels.size(3) >= side, op, "pixels",
             to_string(pixels.sizes().vec()), std::to_string(side) + " pixels a side");
  at::Tensor x = embed(pixels);
  at::Tensor normed = in_group(op_groups::kLayerNorm, bytes_of({x, x}),
                               [&] { return kernels::layer_norm(x, config_.eps, options_.dtype); });
  const auto add_and_norm = [&](const at::Tensor& sum) {
    return in_group(op_groups::kLayerNorm, bytes_of({x, x, sum, sum}),
                    [&] { return kernels::add_layer_norm_(x, sum, config_.eps, options_.dtype); });
  };
  for (std::size_t n = 0; n < layers_.size(); ++n) {
    const Layer& layer = layers_[n];
    normed = add_and_norm(attend(layer, normed));
    const at::Tensor hidden =
        in_group(op_groups::kFeedForward, product_work(normed, layer.up_weight),
                 [&] { return kernels::linear_gelu(normed, layer.up_weight, layer.up_bias); });
    const at::Tensor fed =
        product(op_groups::kFeedForward, hidden, layer.down_weight, layer.down_bias);
    if (n + 1 == layers_.size())
      in_group(op_groups::kLayerNorm, bytes_of({x, x, fed}), [&] { kernels::add_(x, fed); });
    else
      normed = add_and_norm(fed);
  }
  return x;
}

Cost cost_of(const Config& c, double width_bytes) {
  const auto real = [](std::int64_t value) { return static_cast<double>(value); };
  const double d = real(c.width), m = real(c.mlp), tokens = real(c.tokens());
  const double patch = real(kPatchChannels * c.patch * c.patch);
  const double matrices = 4 * d * d + 2 * d * m;
  Cost cost;
  cost.pass_flops =
      2 * tokens * d * patch + real(c.layers) * (2 * tokens * matrices + 4 * tokens * tokens * d);
  cost.weight_bytes =
      width_bytes * (d * patch + real(c.layers) * (matrices + 5 * d + m)) + 4 * tokens * d;
  // The residual stream is float32; beside it the normed input, q, k, v, their mix and its product,
  // or the hidden layer and its product.
  cost.activation_bytes = tokens * (d * (4 + 2 * width_bytes) + width_bytes * std::max(4 * d, m)) +
                          12 * real(kImageSide * kImageSide);
  return cost;
}

}  // namespace vega::siglip
