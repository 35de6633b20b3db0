// All tensors of a model in training, by their official names.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace vega {

// "model.layers.0.self_attn.q_proj.weight" -> its tensor. A trained tensor is a leaf that requires
// a gradient, float32 (the master; float64 in tests); a frozen one has the compute type and
// requires none. Who computes casts a master to the compute type where it is used, so that its
// gradient arrives in the master's type.
using WeightTable = std::map<std::string, at::Tensor, std::less<>>;

// The tensor of that name. find_weight throws InputError naming it when there is none, or when it
// is of another shape; weight_or_none gives an undefined tensor when there is none.
at::Tensor find_weight(const WeightTable& weights, std::string_view name);
at::Tensor find_weight(const WeightTable& weights, std::string_view name, at::IntArrayRef shape);
at::Tensor weight_or_none(const WeightTable& weights, std::string_view name);

}  // namespace vega
