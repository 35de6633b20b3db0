#include "models/siglip/names.h"

#include <string>
#include <utility>

namespace vega::siglip {
namespace {

class Table {
 public:
  void add(const std::string& name, Shape shape) {
    rows_.push_back(
        {std::string(kPrefix) + name, std::string(kLlavaPrefix) + name, std::move(shape)});
  }
  // weight and bias; the bias has the weight's first extent.
  void layer(const std::string& name, Shape weight) {
    const Shape bias{weight[0]};
    add(name + ".weight", std::move(weight));
    add(name + ".bias", bias);
  }
  void mlp(const std::string& name, const Config& c) {
    layer(name + ".fc1", {c.mlp, c.width});
    layer(name + ".fc2", {c.width, c.mlp});
  }
  std::vector<NamedTensor> take() { return std::move(rows_); }

 private:
  std::vector<NamedTensor> rows_;
};

}  // namespace

std::vector<NamedTensor> tower_tensors(const Config& c) {
  Table t;
  const std::int64_t d = c.width;
  t.layer("embeddings.patch_embedding", {d, kPatchChannels, c.patch, c.patch});
  t.add("embeddings.position_embedding.weight", {c.tokens(), d});
  for (std::int64_t n = 0; n < c.layers; ++n) {
    const std::string layer = "encoder.layers." + std::to_string(n) + ".";
    t.layer(layer + "layer_norm1", {d});
    for (const char* part : {"q_proj", "k_proj", "v_proj", "out_proj"})
      t.layer(layer + "self_attn." + part, {d, d});
    t.layer(layer + "layer_norm2", {d});
    t.mlp(layer + "mlp", c);
  }
  return t.take();
}

std::vector<NamedTensor> post_norm_tensors(const Config& c) {
  Table t;
  t.layer("post_layernorm", {c.width});
  return t.take();
}

std::vector<NamedTensor> head_tensors(const Config& c) {
  Table t;
  t.add("head.probe", {1, 1, c.width});
  t.add("head.attention.in_proj_weight", {3 * c.width, c.width});
  t.add("head.attention.in_proj_bias", {3 * c.width});
  t.layer("head.attention.out_proj", {c.width, c.width});
  t.layer("head.layernorm", {c.width});
  t.mlp("head.mlp", c);
  return t.take();
}

}  // namespace vega::siglip
