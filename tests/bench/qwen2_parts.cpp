#include "bench/qwen2_parts.h"

#include <ATen/ATen.h>

#include <cmath>
#include <cstddef>
#include <fstream>

#include "base/dtype.h"
#include "base/json.h"
#include "base/philox.h"
#include "core/dtype.h"
#include "models/qwen2/names.h"

namespace vega::bench {

qwen2::Config half_b() {
  return {.hidden = 896,
          .layers = 24,
          .heads = 14,
          .kv_heads = 2,
          .head_dim = 64,
          .mlp = 4864,
          .vocab = 151936,
          .max_positions = 32768,
          .norm_eps = 1e-6,
          .rope_theta = 1e6,
          .rope_sections = {},
          .tied = true};
}

qwen2::Config seven_b() {
  qwen2::Config c = half_b();
  c.hidden = 3584;
  c.layers = 28;
  c.heads = 28;
  c.kv_heads = 4;
  c.head_dim = 128;
  c.mlp = 18944;
  c.vocab = 152064;
  c.tied = false;
  return c;
}

std::vector<std::int64_t> prompt_ids(std::int64_t tokens) {
  std::vector<std::int64_t> ids;
  for (std::int64_t i = 0; i < tokens; ++i) ids.push_back(7919 * i % 151000);
  return ids;
}

at::Tensor made_up(const std::string& name, at::IntArrayRef shape) {
  const bool norm = name.find("norm") != std::string::npos;
  const double fan_in = static_cast<double>(shape.back());
  at::Tensor values = at::empty(shape, at::kFloat);
  uniform_tensor(1, name, norm ? 1 : 0, norm ? 0.2 : 1.7 / std::sqrt(fan_in), 0,
                 {values.mutable_data_ptr<float>(), static_cast<std::size_t>(values.numel())});
  return values;
}

void write_values(SafetensorsWriter& writer, const std::string& name, const at::Tensor& values,
                  at::ScalarType type) {
  const at::Tensor kept = values.to(type);
  writer.write(name, {static_cast<const std::byte*>(kept.const_data_ptr()), kept.nbytes()});
}

void write_checkpoint(const std::filesystem::path& folder, const qwen2::Config& c,
                      at::ScalarType type, std::int64_t layers) {
  std::ofstream(folder / "config.json") << Json{
      {"architectures", Json::list({"Qwen2ForCausalLM"})},
      {"model_type", "qwen2"},
      {"hidden_act", "silu"},
      {"hidden_size", c.hidden},
      {"num_hidden_layers", c.layers},
      {"num_attention_heads", c.heads},
      {"num_key_value_heads", c.kv_heads},
      {"intermediate_size", c.mlp},
      {"vocab_size", c.vocab},
      {"max_position_embeddings", 32768},
      {"rms_norm_eps", 1e-6},
      {"rope_theta", 1e6},
      {"use_sliding_window", false},
      {"tie_word_embeddings", c.tied}}.dump();
  qwen2::Config written = c;
  if (layers > 0) written.layers = layers;
  std::vector<TensorSpec> specs;
  for (const auto& row : qwen2::decoder_tensors(written))
    specs.push_back({"model." + row.canonical, dtype_of(type), row.shape});
  if (!c.tied) specs.push_back({"lm_head.weight", dtype_of(type), {c.vocab, c.hidden}});
  SafetensorsWriter writer(folder / "model.safetensors", specs, {{"format", "pt"}});
  for (const auto& spec : specs)
    write_values(writer, spec.name, made_up(spec.name, spec.shape), type);
  writer.publish();
}

}  // namespace vega::bench
