#include "fusion/cross_attention.h"

#include <ATen/ATen.h>

#include <cmath>

#include "nn/dropout.h"

namespace vega::fusion {
namespace {

constexpr double kPeriod = 10000;

// (positions, half): [sin | cos].
at::Tensor sines(const at::Tensor& positions, std::int64_t half) {
  const at::Tensor order = at::arange(half / 2, at::kFloat) / (static_cast<double>(half) / 2);
  const at::Tensor angles = at::outer(positions, at::reciprocal(at::pow(kPeriod, order)));
  return at::cat({at::sin(angles), at::cos(angles)}, 1);
}

// The parameters of one block.
class Block {
 public:
  Block(const FusionConfig& config, const Parameters& values, std::int64_t index)
      : config_(config),
        values_(values),
        prefix_("cross_attn_blocks." + std::to_string(index) + ".") {}

  at::Tensor forward(const at::Tensor& s, const at::Tensor& g, const at::Tensor& positions,
                     const FusionInputs& inputs) const {
    const at::Tensor query = norm(s, "norm1_query") + positions;
    const at::Tensor key = norm(g, "norm1_key") + positions;
    const at::Tensor x = s + attend(query, key, norm(g, "norm1_value"), inputs);
    const at::Tensor inner = drop(at::gelu(linear(norm(x, "norm2"), "mlp.0.")), "mlp.2", inputs);
    return x + drop(linear(inner, "mlp.3."), "mlp.4", inputs);
  }

 private:
  const at::Tensor& at(const std::string& name) const {
    return find_parameter(values_, prefix_ + name);
  }
  at::Tensor norm(const at::Tensor& x, const std::string& name) const {
    return at::layer_norm(x, {config_.width}, at(name + ".weight"), at(name + ".bias"),
                          kLayerNormEps);
  }
  at::Tensor linear(const at::Tensor& x, const std::string& name) const {
    return at::linear(x, at(name + "weight"), at(name + "bias"));
  }
  at::Tensor drop(const at::Tensor& x, const char* place, const FusionInputs& inputs) const {
    return inputs.dropout ? dropout(x, config_.dropout, prefix_ + place, *inputs.dropout) : x;
  }

  // (V, L, H) to (V heads, L, H / heads).
  at::Tensor split(const at::Tensor& x) const {
    const std::int64_t v = x.size(0), l = x.size(1), h = config_.heads, d = config_.width / h;
    return x.reshape({v, l, h, d}).transpose(1, 2).reshape({v * h, l, d});
  }

  at::Tensor attend(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                    const FusionInputs& inputs) const {
    const std::int64_t v = query.size(0), l = query.size(1), width = config_.width;
    const auto weights = at("cross_attention.in_proj_weight").chunk(3);
    const auto biases = at("cross_attention.in_proj_bias").chunk(3);
    const double scale = std::sqrt(1.0 / static_cast<double>(width / config_.heads));
    const at::Tensor q = split(at::linear(query, weights[0], biases[0])) * scale;
    const at::Tensor k = split(at::linear(key, weights[1], biases[1]));
    const at::Tensor shares = at::softmax(at::bmm(q, k.transpose(1, 2)), -1);
    const at::Tensor mixed = at::bmm(drop(shares, "cross_attention", inputs),
                                     split(at::linear(value, weights[2], biases[2])));
    const at::Tensor joined = mixed.reshape({v, config_.heads, l, width / config_.heads})
                                  .transpose(1, 2)
                                  .reshape({v, l, width});
    return linear(joined, "cross_attention.out_proj.");
  }

  const FusionConfig& config_;
  const Parameters& values_;
  std::string prefix_;
};

void add(std::vector<ParameterSpec>& specs, const std::string& name, Shape weight,
         Init init = Init::kNormal) {
  const std::int64_t rows = weight[0];
  specs.push_back({name + "weight", std::move(weight), init});
  specs.push_back({name + "bias", {rows}, Init::kZero});
}

}  // namespace

at::Tensor sine_positions(Grid grid, std::int64_t width) {
  const at::Tensor rows = at::arange(grid.rows, at::kFloat).repeat_interleave(grid.columns);
  const at::Tensor columns = at::arange(grid.columns, at::kFloat).repeat({grid.rows});
  return at::cat({sines(rows, width / 2), sines(columns, width / 2)}, 1);
}

std::vector<ParameterSpec> cross_attention_specs(const FusionConfig& c) {
  std::vector<ParameterSpec> specs;
  for (std::int64_t i = 0; i < c.layers; ++i) {
    const std::string block = "cross_attn_blocks." + std::to_string(i) + ".";
    for (const char* norm : {"norm1_query.", "norm1_key.", "norm1_value.", "norm2."}) {
      add(specs, block + norm, {c.width}, Init::kOne);
    }
    add(specs, block + "cross_attention.in_proj_", {3 * c.width, c.width}, Init::kXavier);
    add(specs, block + "cross_attention.out_proj.", {c.width, c.width});
    add(specs, block + "mlp.0.", {4 * c.width, c.width});
    add(specs, block + "mlp.3.", {c.width, 4 * c.width});
  }
  return specs;
}

at::Tensor cross_attention(const FusionConfig& config, const Parameters& values,
                           const at::Tensor& s, const at::Tensor& g, Grid grid,
                           const FusionInputs& inputs) {
  const at::Tensor positions = sine_positions(grid, config.width).to(s.device(), s.scalar_type());
  at::Tensor x = s;
  for (std::int64_t i = 0; i < config.layers; ++i) {
    x = Block(config, values, i).forward(x, g, positions, inputs);
  }
  return x;
}

}  // namespace vega::fusion
