#include "nn/lora.h"

#include <ATen/ATen.h>

#include <cmath>

#include "base/error.h"
#include "base/philox.h"

namespace vega {
namespace {

void check_lora(const LoraConfig& config) {
  const auto refuse = [](const char* field, const std::string& got, const char* expected) {
    throw InputError(explain(std::string("LoRA: ") + field, got, expected));
  };
  if (config.rank < 1) refuse("rank", std::to_string(config.rank), "1 or more");
  if (!(config.alpha > 0)) refuse("alpha", std::to_string(config.alpha), "more than 0");
  if (!(config.dropout >= 0 && config.dropout < 1))
    refuse("dropout", std::to_string(config.dropout), "0 or more, less than 1");
}

}  // namespace

double LoraConfig::scale() const {
  const auto r = static_cast<double>(rank);
  return alpha / (rank_stabilised ? std::sqrt(r) : r);
}

std::string lora_a_name(std::string_view linear) { return std::string(linear) + ".lora_A.weight"; }
std::string lora_b_name(std::string_view linear) { return std::string(linear) + ".lora_B.weight"; }

std::vector<ParameterSpec> lora_specs(const std::vector<LoraTarget>& targets,
                                      const LoraConfig& config) {
  check_lora(config);
  std::vector<ParameterSpec> specs;
  for (const LoraTarget& target : targets) {
    specs.push_back({lora_a_name(target.name), {config.rank, target.in}, Init::kZero});
    specs.push_back({lora_b_name(target.name), {target.out, config.rank}, Init::kZero});
  }
  return specs;
}

Parameters initial_lora(const std::vector<LoraTarget>& targets, const LoraConfig& config,
                        std::uint64_t seed) {
  Parameters out;
  const auto specs = lora_specs(targets, config);
  for (std::size_t n = 0; n < specs.size(); ++n) {
    at::Tensor value = at::zeros(specs[n].shape, at::kFloat);
    if (n % 2 == 0) {
      const double bound = 1 / std::sqrt(static_cast<double>(specs[n].shape[1]));
      uniform_tensor(seed, specs[n].name, 0, bound, 0,
                     {value.data_ptr<float>(), static_cast<std::size_t>(value.numel())});
    }
    out.emplace_back(specs[n].name, value);
  }
  return out;
}

at::Tensor lora_linear(const at::Tensor& x, const LoraLinear& linear, const LoraConfig& config,
                       const DropoutKey* key) {
  const auto cast = [&](const at::Tensor& t) { return t.to(x.scalar_type()); };
  const std::optional<at::Tensor> bias =
      linear.bias.defined() ? std::optional(cast(linear.bias)) : std::nullopt;
  const at::Tensor out = at::linear(x, cast(linear.weight), bias);
  if (!linear.lora_a.defined()) return out;
  const at::Tensor seen = key != nullptr ? dropout(x, config.dropout, linear.name, *key) : x;
  const at::Tensor low = at::linear(seen, cast(linear.lora_a));
  return out + at::linear(low, cast(linear.lora_b)) * config.scale();
}

}  // namespace vega
