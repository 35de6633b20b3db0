#include "models/wan/names.h"

#include <utility>

namespace vega::wan {
namespace {

class NameTable {
 public:
  void add(const std::string& canonical, const std::string& diffusers, Shape shape) {
    rows_.push_back({canonical, diffusers, std::move(shape)});
  }
  // weight and bias; the bias has the weight's first extent.
  void layer(const std::string& canonical, const std::string& diffusers, Shape weight) {
    const Shape bias{weight[0]};
    add(canonical + ".weight", diffusers + ".weight", std::move(weight));
    add(canonical + ".bias", diffusers + ".bias", bias);
  }
  std::vector<NamedTensor> take() { return std::move(rows_); }

 private:
  std::vector<NamedTensor> rows_;
};

void dit_attention(NameTable& t, const std::string& original, const std::string& diffusers,
                   std::int64_t d) {
  t.layer(original + ".q", diffusers + ".to_q", {d, d});
  t.layer(original + ".k", diffusers + ".to_k", {d, d});
  t.layer(original + ".v", diffusers + ".to_v", {d, d});
  t.layer(original + ".o", diffusers + ".to_out.0", {d, d});
  t.add(original + ".norm_q.weight", diffusers + ".norm_q.weight", {d});
  t.add(original + ".norm_k.weight", diffusers + ".norm_k.weight", {d});
}

void vae_residual(NameTable& t, const std::string& original, const std::string& diffusers,
                  std::int64_t in, std::int64_t out) {
  t.add(original + ".residual.0.gamma", diffusers + ".norm1.gamma", {in, 1, 1, 1});
  t.layer(original + ".residual.2", diffusers + ".conv1", {out, in, 3, 3, 3});
  t.add(original + ".residual.3.gamma", diffusers + ".norm2.gamma", {out, 1, 1, 1});
  t.layer(original + ".residual.6", diffusers + ".conv2", {out, out, 3, 3, 3});
  if (in != out) t.layer(original + ".shortcut", diffusers + ".conv_shortcut", {out, in, 1, 1, 1});
}

void vae_middle(NameTable& t, const std::string& half, std::int64_t width) {
  const std::string original = half + ".middle.", diffusers = half + ".mid_block.";
  vae_residual(t, original + "0", diffusers + "resnets.0", width, width);
  t.add(original + "1.norm.gamma", diffusers + "attentions.0.norm.gamma", {width, 1, 1});
  t.layer(original + "1.to_qkv", diffusers + "attentions.0.to_qkv", {3 * width, width, 1, 1});
  t.layer(original + "1.proj", diffusers + "attentions.0.proj", {width, width, 1, 1});
  vae_residual(t, original + "2", diffusers + "resnets.1", width, width);
}

void vae_encoder(NameTable& t, const VaeConfig& c) {
  t.layer("encoder.conv1", "encoder.conv_in", {c.base, 3, 3, 3, 3});
  std::int64_t in = c.base;
  int flat = 0;
  for (std::size_t level = 0; level < c.mult.size(); ++level) {
    const std::int64_t out = c.base * c.mult[level];
    for (std::int64_t block = 0; block < c.res_blocks; ++block, in = out, ++flat) {
      const std::string index = std::to_string(flat);
      vae_residual(t, "encoder.downsamples." + index, "encoder.down_blocks." + index, in, out);
    }
    if (level + 1 == c.mult.size()) break;
    const std::string original = "encoder.downsamples." + std::to_string(flat);
    const std::string diffusers = "encoder.down_blocks." + std::to_string(flat);
    t.layer(original + ".resample.1", diffusers + ".resample.1", {out, out, 3, 3});
    if (level > 0) t.layer(original + ".time_conv", diffusers + ".time_conv", {out, out, 3, 1, 1});
    ++flat;
  }
  vae_middle(t, "encoder", in);
  t.add("encoder.head.0.gamma", "encoder.norm_out.gamma", {in, 1, 1, 1});
  t.layer("encoder.head.2", "encoder.conv_out", {2 * c.z_dim, in, 3, 3, 3});
}

void vae_decoder(NameTable& t, const VaeConfig& c) {
  const std::size_t levels = c.mult.size();
  const std::int64_t top = c.base * c.mult.back();
  t.layer("decoder.conv1", "decoder.conv_in", {top, c.z_dim, 3, 3, 3});
  vae_middle(t, "decoder", top);
  std::int64_t in = top;
  for (std::size_t i = 0; i < levels; ++i) {
    const std::int64_t out = c.base * c.mult[levels - 1 - i];
    if (i > 0) in /= 2;  // the upsampling before halved the width
    const auto flat = [&](std::int64_t j) {
      return "decoder.upsamples." + std::to_string(static_cast<std::int64_t>(i) * 4 + j);
    };
    const std::string diffusers = "decoder.up_blocks." + std::to_string(i);
    for (std::int64_t j = 0; j <= c.res_blocks; ++j, in = out) {
      vae_residual(t, flat(j), diffusers + ".resnets." + std::to_string(j), in, out);
    }
    if (i + 1 == levels) break;
    const std::string up = diffusers + ".upsamplers.0";
    t.layer(flat(3) + ".resample.1", up + ".resample.1", {out / 2, out, 3, 3});
    if (i + 2 < levels) t.layer(flat(3) + ".time_conv", up + ".time_conv", {2 * out, out, 3, 1, 1});
  }
  t.add("decoder.head.0.gamma", "decoder.norm_out.gamma", {in, 1, 1, 1});
  t.layer("decoder.head.2", "decoder.conv_out", {3, in, 3, 3, 3});
}

}  // namespace

std::vector<NamedTensor> dit_tensors(const DitConfig& c) {
  NameTable t;
  const std::int64_t d = c.dim;
  t.layer("patch_embedding", "patch_embedding", {d, c.in_dim, 1, c.patch, c.patch});
  const std::string condition = "condition_embedder.";
  t.layer("text_embedding.0", condition + "text_embedder.linear_1", {d, c.text_dim});
  t.layer("text_embedding.2", condition + "text_embedder.linear_2", {d, d});
  t.layer("time_embedding.0", condition + "time_embedder.linear_1", {d, c.freq_dim});
  t.layer("time_embedding.2", condition + "time_embedder.linear_2", {d, d});
  t.layer("time_projection.1", condition + "time_proj", {6 * d, d});
  for (std::int64_t n = 0; n < c.layers; ++n) {
    const std::string block = "blocks." + std::to_string(n) + ".";
    t.add(block + "modulation", block + "scale_shift_table", {1, 6, d});
    dit_attention(t, block + "self_attn", block + "attn1", d);
    dit_attention(t, block + "cross_attn", block + "attn2", d);
    t.layer(block + "norm3", block + "norm2", {d});
    t.layer(block + "ffn.0", block + "ffn.net.0.proj", {c.ffn_dim, d});
    t.layer(block + "ffn.2", block + "ffn.net.2", {d, c.ffn_dim});
  }
  t.add("head.modulation", "scale_shift_table", {1, 2, d});
  t.layer("head.head", "proj_out", {c.patch_out(), d});
  return t.take();
}

std::vector<NamedTensor> vae_tensors(const VaeConfig& c) {
  NameTable t;
  vae_encoder(t, c);
  t.layer("conv1", "quant_conv", {2 * c.z_dim, 2 * c.z_dim, 1, 1, 1});
  t.layer("conv2", "post_quant_conv", {c.z_dim, c.z_dim, 1, 1, 1});
  vae_decoder(t, c);
  return t.take();
}

}  // namespace vega::wan
