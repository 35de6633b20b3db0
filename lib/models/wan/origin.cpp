#include "models/wan/origin.h"

#include <ATen/ATen.h>
#include <fmt/core.h>

#include <cmath>

#include "core/tensor.h"

namespace vega::wan {
namespace {

constexpr double kLeast = 0.0195, kMost = 0.0205;  // around 0.02; drawn in bfloat16 it is 0.0198

std::string query_of(std::int64_t block) {
  return fmt::format("blocks.{}.self_attn.q.weight", block);
}

double deviation_of(const TensorView& view) {
  return tensor_from(view).to(at::kDouble).square().mean().sqrt().item<double>();
}

// Of a Linear layer or of the patches: what the training draws anew. norm3 keeps its bias.
bool is_drawn_bias(const std::string& name) {
  return name.ends_with(".bias") && !name.ends_with("norm3.bias");
}

}  // namespace

std::string DitOrigin::text() const {
  if (drawn)
    return fmt::format("drawn, not trained (all biases are 0, weights spread {:.4f})",
                       (first + last) / 2);
  return "trained";
}

DitOrigin dit_origin(const WeightViews& weights, const DitConfig& config) {
  DitOrigin out;
  out.zero_biases = true;
  for (const auto& [name, view] : weights)
    if (is_drawn_bias(name) && tensor_from(view).count_nonzero().item<std::int64_t>() != 0)
      out.zero_biases = false;
  out.first = deviation_of(weights.at(query_of(0)));
  out.last = deviation_of(weights.at(query_of(config.layers - 1)));
  const auto fits = [](double deviation) { return deviation > kLeast && deviation < kMost; };
  out.drawn = out.zero_biases && fits(out.first) && fits(out.last);
  return out;
}

bool same_dit(const WeightViews& a, const WeightViews& b, const DitConfig& config) {
  const auto rounded = [](const WeightViews& weights, const std::string& name) {
    return tensor_from(weights.at(name)).to(at::kBFloat16);
  };
  for (const std::string& name : {query_of(0), query_of(config.layers - 1)})
    if (!at::equal(rounded(a, name), rounded(b, name))) return false;
  return true;
}

}  // namespace vega::wan
