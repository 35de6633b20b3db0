#include "models/qwen2/names.h"

#include <string>
#include <utility>

namespace vega::qwen2 {

std::vector<NamedTensor> decoder_tensors(const Config& c) {
  std::vector<NamedTensor> rows;
  const auto add = [&](const std::string& name, Shape shape) {
    rows.push_back({name, name, std::move(shape)});
  };
  const auto linear = [&](const std::string& name, std::int64_t out, std::int64_t in) {
    add(name + ".weight", {out, in});
  };
  const std::int64_t queries = c.heads * c.head_dim, keys = c.kv_heads * c.head_dim;
  linear("embed_tokens", c.vocab, c.hidden);
  for (std::int64_t n = 0; n < c.layers; ++n) {
    const std::string layer = "layers." + std::to_string(n) + ".";
    const std::string attention = layer + "self_attn.", mlp = layer + "mlp.";
    add(layer + "input_layernorm.weight", {c.hidden});
    linear(attention + "q_proj", queries, c.hidden);
    add(attention + "q_proj.bias", {queries});
    for (const char* part : {"k_proj", "v_proj"}) {
      linear(attention + part, keys, c.hidden);
      add(attention + part + ".bias", {keys});
    }
    linear(attention + "o_proj", c.hidden, queries);
    add(layer + "post_attention_layernorm.weight", {c.hidden});
    linear(mlp + "gate_proj", c.mlp, c.hidden);
    linear(mlp + "up_proj", c.mlp, c.hidden);
    linear(mlp + "down_proj", c.hidden, c.mlp);
  }
  add("norm.weight", {c.hidden});
  return rows;
}

}  // namespace vega::qwen2
