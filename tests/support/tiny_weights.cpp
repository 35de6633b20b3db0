#include "support/tiny_weights.h"

#include <array>
#include <cmath>
#include <stdexcept>

#include "base/philox.h"
#include "models/wan/names.h"

namespace vega::test {
namespace {

bool ends(const std::string& name, std::initializer_list<const char*> tails) {
  for (const char* tail : tails) {
    if (name.ends_with(tail)) return true;
  }
  return false;
}

template <class Specs>
OwnedTensors make(const std::string& prefix, const Specs& specs) {
  OwnedTensors out;
  for (const auto& spec : specs) {
    out.add(spec.canonical, spec.shape, weight_values(prefix + spec.canonical, spec.shape));
  }
  return out;
}

}  // namespace

void OwnedTensors::add(const std::string& name, Shape shape, std::vector<float> values) {
  if (element_count(shape) != static_cast<std::int64_t>(values.size())) {
    throw std::invalid_argument("tensor " + name + ": shape and values differ");
  }
  storage_.push_back(std::move(values));
  views_[name] = {DType::kF32, std::move(shape),
                  reinterpret_cast<const std::byte*>(storage_.back().data())};
}

std::pair<double, double> weight_law(const std::string& name, const Shape& shape) {
  if (name == "prompt.context") return {0.0, 0.3};
  if (name.starts_with("vae.")) {
    if (ends(name, {".gamma"})) return {1.0, 0.25};
  } else if (name.starts_with("dit.")) {
    if (ends(name, {"norm_q.weight", "norm_k.weight"})) return {2.0, 0.4};
    if (ends(name, {"norm3.weight"})) return {1.0, 0.25};
    if (ends(name, {"norm3.bias"})) return {0.0, 0.1};
    if (ends(name, {"modulation"})) return {0.0, 0.3};
  } else if (name.starts_with("umt5.")) {
    if (name == "umt5.norm.weight" || ends(name, {"norm1.weight", "norm2.weight"})) {
      return {1.0, 0.25};
    }
    if (ends(name, {"token_embedding.weight"})) return {0.0, 1.0};
    if (ends(name, {"pos_embedding.embedding.weight"})) return {0.0, 0.5};
  }
  if (ends(name, {".bias"})) return {0.0, 0.1};
  if (!ends(name, {".weight"})) throw std::invalid_argument("no weight law for " + name);
  std::int64_t fan_in = 1;
  for (std::size_t i = 1; i < shape.size(); ++i) fan_in *= shape[i];
  // One frame meets the last temporal slice of a 3x3x3 kernel only.
  const bool causal = shape.size() == 5 && shape[2] == 3 && shape[3] == 3 && shape[4] == 3;
  if (causal && name.starts_with("vae.")) fan_in /= 3;
  return {0.0, 1.0 / std::sqrt(static_cast<double>(fan_in))};
}

std::vector<float> weight_values(const std::string& name, const Shape& shape, std::uint64_t seed) {
  const auto [mean, std] = weight_law(name, shape);
  std::vector<float> values(static_cast<std::size_t>(element_count(shape)));
  uniform_tensor(seed, name, mean, std * std::sqrt(3.0), 0, values);
  if (name == "prompt.context") {
    for (float& value : values) value = f32_from_bf16(bf16_from_f32(value));
  }
  return values;
}

wan::DitConfig tiny_dit_config() {
  wan::DitConfig config;
  config.dim = 256;
  config.ffn_dim = 512;
  config.heads = 2;
  return config;
}

wan::VaeConfig tiny_vae_config() {
  wan::VaeConfig config;
  config.base = 8;
  return config;
}

umt5::Config tiny_umt5_config() {
  return {
      .dim = 64, .inner = 64, .heads = 4, .ffn = 128, .layers = 3, .vocabulary = 32, .buckets = 32};
}

OwnedTensors tiny_dit(std::int64_t layers) {
  wan::DitConfig config = tiny_dit_config();
  config.layers = layers;
  return make("dit.", wan::dit_tensors(config));
}

OwnedTensors tiny_vae() { return make("vae.", wan::vae_tensors(tiny_vae_config())); }

OwnedTensors tiny_umt5() { return make("umt5.", umt5::tensors(tiny_umt5_config())); }

std::vector<float> tiny_prompt(std::int64_t rows) {
  return weight_values("prompt.context", {rows, tiny_dit_config().text_dim});
}

}  // namespace vega::test
