#include "models/siglip/train_tower.h"

#include <ATen/ATen.h>

#include "core/check.h"
#include "models/siglip/patches.h"
#include "nn/recompute.h"

namespace vega::siglip {
namespace {

// The residual stream is at least float32.
at::ScalarType stream_type(at::ScalarType dtype) {
  return dtype == at::kDouble ? at::kDouble : at::kFloat;
}

at::Tensor product(const at::Tensor& x, const LoraLinear& linear) {
  auto shape = x.sizes().vec();
  shape.back() = linear.weight.size(0);
  return lora_linear(x.reshape({-1, x.size(-1)}), linear, {}, nullptr).view(shape);
}

// Every trained tensor of a layer, in one order.
template <typename Layer, typename Visit>
void visit_trained_of_tower(Layer& layer, const Visit& visit) {
  const auto one = [&](at::Tensor& tensor) {
    if (tensor.requires_grad()) visit(tensor);
  };
  one(layer.norm1_weight), one(layer.norm1_bias), one(layer.norm2_weight), one(layer.norm2_bias);
  for (LoraLinear* linear : {&layer.q, &layer.k, &layer.v, &layer.out, &layer.fc1, &layer.fc2})
    one(linear->weight), one(linear->bias);
}

}  // namespace

TrainTower::TrainTower(const Config& config, const WeightTable& weights, const std::string& prefix,
                       const TrainTowerOptions& options)
    : config_(config), options_(options) {
  const std::string embeddings = prefix + "embeddings.";
  const std::string patch = embeddings + "patch_embedding";
  patch_ = {.name = patch,
            .weight = find_weight(weights, patch + ".weight",
                                  {config.width, kPatchChannels, config.patch, config.patch}),
            .bias = find_weight(weights, patch + ".bias", {config.width})};
  positions_ = find_weight(weights, embeddings + "position_embedding.weight",
                           {config.tokens(), config.width});
  for (std::int64_t n = 0; n < config.layers; ++n)
    layers_.push_back(take_layer(weights, prefix + "encoder.layers." + std::to_string(n) + "."));
}

TrainTower::Layer TrainTower::take_layer(const WeightTable& weights,
                                         const std::string& name) const {
  const std::int64_t d = config_.width, m = config_.mlp;
  const auto norm = [&](const char* part) { return find_weight(weights, name + part, {d}); };
  const auto linear = [&](const std::string& part, std::int64_t out, std::int64_t in) {
    return LoraLinear{.name = name + part,
                      .weight = find_weight(weights, name + part + ".weight", {out, in}),
                      .bias = find_weight(weights, name + part + ".bias", {out})};
  };
  return {.norm1_weight = norm("layer_norm1.weight"),
          .norm1_bias = norm("layer_norm1.bias"),
          .norm2_weight = norm("layer_norm2.weight"),
          .norm2_bias = norm("layer_norm2.bias"),
          .q = linear("self_attn.q_proj", d, d),
          .k = linear("self_attn.k_proj", d, d),
          .v = linear("self_attn.v_proj", d, d),
          .out = linear("self_attn.out_proj", d, d),
          .fc1 = linear("mlp.fc1", m, d),
          .fc2 = linear("mlp.fc2", d, m)};
}

at::Tensor TrainTower::embed(const at::Tensor& pixels) const {
  const at::Tensor patches = patches_of(pixels, config_).to(options_.dtype);
  const at::ScalarType stream = stream_type(options_.dtype);
  const at::Tensor flat = patch_.weight.flatten(1).to(options_.dtype);
  return at::linear(patches, flat).to(stream) + (positions_.to(stream) + patch_.bias.to(stream));
}

at::Tensor TrainTower::attend(const Settings& settings, const Layer& layer,
                              const at::Tensor& normed) {
  const Config& config = settings.config;
  const std::int64_t n = normed.size(0), tokens = normed.size(1);
  const auto heads = [&](const LoraLinear& linear) {
    return product(normed, linear)
        .view({n, tokens, config.heads, config.head_dim()})
        .transpose(1, 2);
  };
  const at::Tensor mixed =
      at::scaled_dot_product_attention(heads(layer.q), heads(layer.k), heads(layer.v));
  return product(mixed.transpose(1, 2).reshape({n, tokens, config.width}), layer.out);
}

at::Tensor TrainTower::run_layer(const Settings& settings, const Layer& layer,
                                 const at::Tensor& x) {
  const Config& config = settings.config;
  const at::ScalarType dtype = settings.options.dtype;
  const auto norm = [&](const at::Tensor& in, const at::Tensor& weight, const at::Tensor& bias) {
    return at::layer_norm(in, {config.width}, weight.to(in.scalar_type()),
                          bias.to(in.scalar_type()), config.eps)
        .to(dtype);
  };
  const at::Tensor y = x + attend(settings, layer, norm(x, layer.norm1_weight, layer.norm1_bias));
  const at::Tensor hidden =
      at::gelu(product(norm(y, layer.norm2_weight, layer.norm2_bias), layer.fc1), "tanh");
  return y + product(hidden, layer.fc2);
}

at::Tensor TrainTower::forward(const at::Tensor& pixels) const {
  const char* op = "siglip::TrainTower";
  check_shape(op, "pixels", pixels, {kAny, kPatchChannels, kAny, kAny});
  const std::int64_t side = config_.grid * config_.patch;
  check_that(pixels.size(2) >= side && pixels.size(3) >= side, op, "pixels",
             to_string(pixels.sizes().vec()), std::to_string(side) + " pixels a side");
  const Settings settings{config_, options_};
  at::Tensor x = embed(pixels);
  for (const Layer& layer : layers_) {
    if (!options_.recompute) {
      x = run_layer(settings, layer, x);
      continue;
    }
    std::vector<at::Tensor> inputs{x};
    Layer own = layer;
    visit_trained_of_tower(own, [&](const at::Tensor& tensor) { inputs.push_back(tensor); });
    x = recomputed(
        [own, settings](const std::vector<at::Tensor>& values) {
          Layer with = own;
          std::size_t next = 1;
          visit_trained_of_tower(with, [&](at::Tensor& tensor) { tensor = values[next++]; });
          return run_layer(settings, with, values[0]);
        },
        inputs);
  }
  return x;
}

}  // namespace vega::siglip
