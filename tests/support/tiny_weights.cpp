#include "support/tiny_weights.h"

#include <stdexcept>

#include "models/wan/names.h"
#include "synth/weight_law.h"

namespace vega::test {
namespace {

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

std::vector<float> weight_values(const std::string& name, const Shape& shape, std::uint64_t seed) {
  std::vector<float> values(static_cast<std::size_t>(element_count(shape)));
  synth::fill_weights(seed, name, shape, 0, values);
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
