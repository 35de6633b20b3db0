#include "models/umt5/names.h"

namespace vega::umt5 {

std::vector<NamedTensor> tensors(const Config& c) {
  std::vector<NamedTensor> rows;
  const auto add = [&](std::string original, std::string transformers, Shape shape) {
    rows.push_back(
        {std::move(original) + ".weight", std::move(transformers) + ".weight", std::move(shape)});
  };
  add("token_embedding", "shared", {c.vocabulary, c.dim});
  for (std::int64_t n = 0; n < c.layers; ++n) {
    const std::string from = "blocks." + std::to_string(n) + ".";
    const std::string to = "encoder.block." + std::to_string(n) + ".layer.";
    add(from + "norm1", to + "0.layer_norm", {c.dim});
    add(from + "attn.q", to + "0.SelfAttention.q", {c.inner, c.dim});
    add(from + "attn.k", to + "0.SelfAttention.k", {c.inner, c.dim});
    add(from + "attn.v", to + "0.SelfAttention.v", {c.inner, c.dim});
    add(from + "attn.o", to + "0.SelfAttention.o", {c.dim, c.inner});
    add(from + "norm2", to + "1.layer_norm", {c.dim});
    add(from + "ffn.gate.0", to + "1.DenseReluDense.wi_0", {c.ffn, c.dim});
    add(from + "ffn.fc1", to + "1.DenseReluDense.wi_1", {c.ffn, c.dim});
    add(from + "ffn.fc2", to + "1.DenseReluDense.wo", {c.dim, c.ffn});
    add(from + "pos_embedding.embedding", to + "0.SelfAttention.relative_attention_bias",
        {c.buckets, c.heads});
  }
  add("norm", "encoder.final_layer_norm", {c.dim});
  return rows;
}

}  // namespace vega::umt5
