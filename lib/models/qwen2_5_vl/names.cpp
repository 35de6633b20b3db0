#include "models/qwen2_5_vl/names.h"

#include <string>
#include <utility>

namespace vega::qwen2_5_vl {

std::vector<NamedTensor> tower_tensors(const VisionConfig& c) {
  std::vector<NamedTensor> rows;
  const auto add = [&](const std::string& name, Shape shape) {
    rows.push_back({name, name, std::move(shape)});
  };
  const auto linear = [&](const std::string& name, std::int64_t out, std::int64_t in) {
    add(name + ".weight", {out, in});
    add(name + ".bias", {out});
  };
  add("patch_embed.proj.weight", {c.width, 3, kTime, kPatch, kPatch});
  for (std::int64_t n = 0; n < c.layers; ++n) {
    const std::string block = "blocks." + std::to_string(n) + ".";
    add(block + "norm1.weight", {c.width});
    add(block + "norm2.weight", {c.width});
    linear(block + "attn.qkv", 3 * c.width, c.width);
    linear(block + "attn.proj", c.width, c.width);
    linear(block + "mlp.gate_proj", c.mlp, c.width);
    linear(block + "mlp.up_proj", c.mlp, c.width);
    linear(block + "mlp.down_proj", c.width, c.mlp);
  }
  const std::int64_t wide = kCellPatches * c.width;
  add("merger.ln_q.weight", {c.width});
  linear("merger.mlp.0", wide, wide);
  linear("merger.mlp.2", c.out, wide);
  return rows;
}

}  // namespace vega::qwen2_5_vl
