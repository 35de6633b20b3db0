#include "models/wan/dit.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "core/profile.h"
#include "core/tensor.h"
#include "kernels/attention.h"
#include "kernels/cross_gate.h"
#include "kernels/gelu.h"
#include "kernels/layer_norm.h"
#include "kernels/linear.h"
#include "kernels/pool_tokens.h"
#include "kernels/qk_norm_rope.h"
#include "models/op_groups.h"
#include "models/wan/cross_fold.h"

namespace vega::wan {
namespace {

at::Tensor linear64(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  return at::linear(x.to(at::kDouble), weight.to(at::kDouble), bias.to(at::kDouble));
}

// x (N, L, K), rows of 8-bit floats of it times a weight; (N, L, M) bfloat16.
at::Tensor fp8_product(const at::Tensor& x, const kernels::Fp8Rows& weight, const at::Tensor& bias,
                       kernels::BeforeFp8 before) {
  auto shape = x.sizes().vec();
  const at::Tensor rows = x.reshape({-1, shape.back()});
  shape.back() = bias.size(0);
  const kernels::Fp8Rows rounded =
      in_group(op_groups::kFp8Rows, bytes_of({x}), [&] { return kernels::fp8_rows(rows, before); });
  return in_group(op_groups::kFeedForward, product_work(rounded.values, weight.values),
                  [&] { return kernels::linear_fp8(rounded, weight, bias); })
      .reshape(shape);
}

}  // namespace

at::Tensor time_sinusoid(std::int64_t t, std::int64_t width) {
  const std::int64_t half = width / 2;
  const at::Tensor frequency =
      at::pow(10000.0, at::arange(half, at::kDouble) * (-1.0 / static_cast<double>(half)));
  const at::Tensor angle = frequency * static_cast<double>(t);
  return at::cat({at::cos(angle), at::sin(angle)}).to(at::kFloat);
}

Dit::Dit(const WeightViews& weights, const DitConfig& config, at::Tensor prompt,
         const Options& options)
    : weights_(weights), config_(config), options_(options) {
  const c10::NoGradGuard no_grad;
  const auto rows = prompt.size(0);
  if (prompt.dim() != 2 || rows < 1 || rows > config.text_len ||
      prompt.size(1) != config.text_dim) {
    throw InputError(explain("prompt embedding", to_string(prompt.sizes().vec()),
                             "(n, " + std::to_string(config.text_dim) +
                                 ") with 1 <= n <= " + std::to_string(config.text_len)));
  }
  text_ = embed_text(prompt);
  log_pad_ = std::log(static_cast<double>(config.text_len - rows));  // -inf: no row is padding
  if (options_.fp8_feed_forward &&
      (options_.dtype != at::kBFloat16 || config.dim % 16 != 0 || config.ffn_dim % 16 != 0)) {
    throw InputError(explain("a feed-forward in fp8",
                             fmt::format("{}, widths {} and {}", c10::toString(options_.dtype),
                                         config.dim, config.ffn_dim),
                             "BFloat16, widths that are multiples of 16"));
  }
  patch_weight_ = read("patch_embedding.weight").flatten(1).to(options_.dtype);
  patch_bias_ = read("patch_embedding.bias").to(options_.dtype);
}

at::Tensor Dit::read(const std::string& name) const {
  return tensor_from(weights_.at(name)).to(at::kFloat).to(options_.device);
}

at::Tensor Dit::weight(const std::string& name) const {
  if (!options_.keep_weights) return read(name);
  at::Tensor& kept = kept_[name];
  if (!kept.defined()) kept = tensor_from(weights_.at(name)).to(options_.device);
  return kept.to(at::kFloat);
}

// Every padding row is zero, so all of them become one and the same row of the text MLP.
at::Tensor Dit::embed_text(const at::Tensor& prompt) const {
  const auto host = [this](const std::string& name) { return tensor_from(weights_.at(name)); };
  const at::Tensor rows =
      at::cat({prompt.to(at::kCPU, at::kDouble), at::zeros({1, config_.text_dim}, at::kDouble)});
  const at::Tensor hidden =
      linear64(rows, host("text_embedding.0.weight"), host("text_embedding.0.bias"));
  return linear64(at::gelu(hidden, "tanh"), host("text_embedding.2.weight"),
                  host("text_embedding.2.bias"))
      .to(options_.device);
}

at::Tensor Dit::time_modulation(std::int64_t t) const {
  const auto host = [this](const std::string& name) { return tensor_from(weights_.at(name)); };
  const at::Tensor v = time_sinusoid(t, config_.freq_dim);
  at::Tensor e = linear64(v, host("time_embedding.0.weight"), host("time_embedding.0.bias"));
  e = linear64(at::silu(e), host("time_embedding.2.weight"), host("time_embedding.2.bias"));
  e = linear64(at::silu(e), host("time_projection.1.weight"), host("time_projection.1.bias"));
  return e.reshape({6, config_.dim}).to(at::kFloat).to(options_.device);
}

void Dit::fold_cross(Block& block, const std::string& name) const {
  const auto wide = [&](const std::string& part) { return read(name + part).to(at::kDouble); };
  const CrossFold fold =
      wan::fold_cross({.q = {wide("cross_attn.q.weight"), wide("cross_attn.q.bias")},
                       .k = {wide("cross_attn.k.weight"), wide("cross_attn.k.bias")},
                       .v = {wide("cross_attn.v.weight"), wide("cross_attn.v.bias")},
                       .o = {wide("cross_attn.o.weight"), wide("cross_attn.o.bias")},
                       .norm = {wide("norm3.weight"), wide("norm3.bias")},
                       .norm_q = wide("cross_attn.norm_q.weight"),
                       .norm_k = wide("cross_attn.norm_k.weight")},
                      text_, config_.heads, config_.eps);
  // Zero rows up to a multiple of 8 keep the GEMM's rows aligned.
  const std::int64_t padding = (8 - fold.weight.size(0) % 8) % 8;
  const auto zeros = [&](at::IntArrayRef shape) { return at::zeros(shape, fold.weight.options()); };
  block.cross_weight = at::cat({fold.weight, zeros({padding, config_.dim})}).to(options_.dtype);
  block.cross_bias = at::cat({fold.bias, zeros({padding})}).to(options_.dtype);
  block.cross_base = fold.base.to(at::kFloat);
  block.cross_delta = fold.delta.to(at::kFloat).contiguous();
}

// What is the same at every timestep.
Dit::Block Dit::fold_fixed(const std::string& name) const {
  Block block;
  // 1 / sqrt(head dim) of the softmax rides on q's norm weight (RoPE is linear).
  block.norm_q =
      read(name + "self_attn.norm_q.weight") / std::sqrt(static_cast<double>(config_.head_dim()));
  block.norm_k = read(name + "self_attn.norm_k.weight");
  fold_cross(block, name);
  return block;
}

// Modulation rows: 0 shift, 1 scale, 2 gate of self-attention; 3, 4, 5 of the feed-forward (d).
// earlier: the same block at another timestep, which shares what does not depend on it.
Dit::Block Dit::fold(std::int64_t index, const at::Tensor& modulation, const Block* earlier) const {
  const std::string name = "blocks." + std::to_string(index) + ".";
  const at::Tensor e = weight(name + "modulation").reshape({6, config_.dim}) + modulation;
  const auto shifted = [&](const at::Tensor& w, const at::Tensor& b, int shift) {
    return (at::mv(w, e[shift]) + b).to(options_.dtype);
  };
  const auto scaled = [&](const at::Tensor& w, int scale) {
    return (w * (1 + e[scale])).to(options_.dtype);
  };
  const auto gated = [&](const at::Tensor& w, int gate) {
    return (e[gate].unsqueeze(1) * w).to(options_.dtype);
  };
  Block block = earlier ? *earlier : fold_fixed(name);
  const std::string self = name + "self_attn.";
  const at::Tensor qkv =
      at::cat({weight(self + "q.weight"), weight(self + "k.weight"), weight(self + "v.weight")});
  const at::Tensor qkv_bias =
      at::cat({weight(self + "q.bias"), weight(self + "k.bias"), weight(self + "v.bias")});
  block.qkv_weight = scaled(qkv, 1);
  block.qkv_bias = shifted(qkv, qkv_bias, 0);
  block.out_weight = gated(weight(self + "o.weight"), 2);
  block.out_bias = (e[2] * weight(self + "o.bias")).to(options_.dtype);
  const at::Tensor up = weight(name + "ffn.0.weight");
  block.up_bias = shifted(up, weight(name + "ffn.0.bias"), 3);
  const at::Tensor down = weight(name + "ffn.2.weight");
  if (options_.fp8_feed_forward) {  // of the float32 product, rounded once
    block.up_fp8 = kernels::fp8_rows((up * (1 + e[4])).contiguous());
    block.down_fp8 = kernels::fp8_rows((e[5].unsqueeze(1) * down).contiguous());
  } else {
    block.up_weight = scaled(up, 4);
    block.down_weight = gated(down, 5);
  }
  block.down_bias = (e[5] * weight(name + "ffn.2.bias")).to(options_.dtype);
  return block;
}

void Dit::prepare(std::int64_t t, std::int64_t last_block) {
  const c10::NoGradGuard no_grad;
  if (last_block < 0 || last_block >= config_.layers) {
    throw InputError(
        explain("--block", std::to_string(last_block),
                "0 to " + std::to_string(config_.layers - 1) + " (this model's blocks)"));
  }
  const auto have = static_cast<std::int64_t>(blocks_.size());
  if (t == prepared_ && last_block < have) return;
  const at::Tensor modulation = time_modulation(t);
  // Blocks of another timestep beyond the last one asked for would be out of date.
  if (t != prepared_) blocks_.resize(static_cast<std::size_t>(std::min(have, last_block + 1)));
  const std::int64_t first = t == prepared_ ? have : 0;
  prepared_ = -1;  // until all blocks are of one timestep: memory may run out on the way
  for (std::int64_t n = first; n <= last_block; ++n) {
    if (n < static_cast<std::int64_t>(blocks_.size())) {
      Block& block = blocks_[static_cast<std::size_t>(n)];
      block = fold(n, modulation, &block);
    } else {
      blocks_.push_back(fold(n, modulation, nullptr));
    }
  }
  prepared_ = t;
}

// cos and sin per token and pair (L, head_dim / 2, 2), float32. The time axis stands still at 0
// (e2).
at::Tensor Dit::rope(Grid grid) const {
  const std::lock_guard lock(rope_mutex_);
  if (rope_.defined() && rope_grid_ == grid) return rope_;
  const std::int64_t pairs = config_.head_dim() / 2, space = pairs / 3, time = pairs - 2 * space;
  const at::Tensor frequency =
      at::pow(10000.0, at::arange(space, at::kDouble) * (-1.0 / static_cast<double>(space)));
  const at::Tensor rows = at::outer(at::arange(grid.rows, at::kDouble), frequency);
  const at::Tensor columns = at::outer(at::arange(grid.columns, at::kDouble), frequency);
  const at::Tensor angle = at::cat({at::zeros({grid.rows, grid.columns, time}, at::kDouble),
                                    rows.unsqueeze(1).expand({grid.rows, grid.columns, space}),
                                    columns.unsqueeze(0).expand({grid.rows, grid.columns, space})},
                                   2)
                               .reshape({grid.rows * grid.columns, pairs});
  rope_ = at::stack({at::cos(angle), at::sin(angle)}, 2)
              .to(at::kFloat)
              .to(options_.device)
              .contiguous();
  rope_grid_ = grid;
  return rope_;
}

at::Tensor Dit::attend(const Block& block, const at::Tensor& normed, const at::Tensor& rope) const {
  at::Tensor qkv = product(op_groups::kProjections, normed, block.qkv_weight, block.qkv_bias);
  const auto [q, k, v] =
      in_group(op_groups::kRotation, bytes_of({normed, normed, normed, normed}), [&] {
        return kernels::qk_norm_rope_(qkv, block.norm_q, block.norm_k, rope,
                                      static_cast<int>(config_.heads), config_.eps);
      });
  const at::Tensor mixed = in_group(op_groups::kAttention, attention_work(q, k),
                                    [&] { return kernels::softmax_attention(q, k, v); });
  return product(op_groups::kProjections, mixed, block.out_weight, block.out_bias);
}

at::Tensor Dit::raised(const Block& block, const at::Tensor& normed) const {
  if (!options_.fp8_feed_forward)
    return product(op_groups::kFeedForward, normed, block.up_weight, block.up_bias);
  return fp8_product(normed, block.up_fp8, block.up_bias, kernels::BeforeFp8::kNothing);
}

at::Tensor Dit::lowered(const Block& block, const at::Tensor& hidden,
                        kernels::BeforeFp8 before) const {
  if (!options_.fp8_feed_forward)
    return product(op_groups::kFeedForward, hidden, block.down_weight, block.down_bias);
  return fp8_product(hidden, block.down_fp8, block.down_bias, before);
}

// Averages the residual stream and the hidden layer first, then applies the last matrix to the
// averages (e1).
at::Tensor Dit::tap(const Block& block, const at::Tensor& x, const at::Tensor& hidden, Grid grid,
                    Grid pool) const {
  const auto averages = in_group(op_groups::kPooling, bytes_of({x, hidden}), [&] {
    return std::pair{kernels::pool_tokens(x, grid.rows, grid.columns, pool.rows, pool.columns),
                     kernels::gelu_pool(hidden, grid.rows, grid.columns, pool.rows, pool.columns,
                                        options_.dtype)};
  });
  const auto& [stream, mean] = averages;
  const at::Tensor out = stream + lowered(block, mean, kernels::BeforeFp8::kNothing).to(at::kFloat);
  return out.reshape({x.size(0), pool.rows, pool.columns, config_.dim});
}

// Patches in the order channel, row, column; tokens row by row (N, L, d), float32.
at::Tensor Dit::embed(const at::Tensor& latents, Grid grid) const {
  const auto n = latents.size(0), c = latents.size(1), p = config_.patch;
  const OpGroup group(op_groups::kEmbedding,
                      {2 * static_cast<double>(latents.numel()) * static_cast<double>(config_.dim),
                       static_cast<double>(latents.nbytes())});
  const at::Tensor patches = latents.reshape({n, c, grid.rows, p, grid.columns, p})
                                 .permute({0, 2, 4, 1, 3, 5})
                                 .reshape({n, grid.rows * grid.columns, config_.patch_in()})
                                 .to(options_.dtype);
  return kernels::linear_bf16(patches, patch_weight_, patch_bias_).to(at::kFloat);
}

std::vector<at::Tensor> Dit::forward(const at::Tensor& latents, const TapRequest& taps) const {
  const c10::NoGradGuard no_grad;
  const auto n = latents.size(0);
  const Grid grid{latents.size(2) / config_.patch, latents.size(3) / config_.patch};
  if (taps.blocks.empty() || taps.blocks.back() >= static_cast<std::int64_t>(blocks_.size()) ||
      !std::is_sorted(taps.blocks.begin(), taps.blocks.end())) {
    throw InputError(
        explain("Dit::forward", "taps outside the prepared blocks", "ascending prepared blocks"));
  }
  at::Tensor x = embed(latents, grid);
  const at::Tensor angles = rope(grid);
  std::vector<at::Tensor> out;
  at::Tensor normed = in_group(op_groups::kLayerNorm, bytes_of({x, x}),
                               [&] { return kernels::layer_norm(x, config_.eps, options_.dtype); });
  const auto add_and_norm = [&](const at::Tensor& sum) {
    return in_group(op_groups::kLayerNorm, bytes_of({x, x, sum, sum}),
                    [&] { return kernels::add_layer_norm_(x, sum, config_.eps, options_.dtype); });
  };
  const bool fp8 = options_.fp8_feed_forward;
  // The hidden layer; with fp8 its GELU is evaluated where it is rounded.
  const auto hidden_of = [&](const Block& block) {
    if (fp8) return raised(block, normed);
    return in_group(op_groups::kFeedForward, product_work(normed, block.up_weight),
                    [&] { return kernels::linear_gelu(normed, block.up_weight, block.up_bias); });
  };
  for (std::int64_t index = 0;; ++index) {
    const Block& block = blocks_[static_cast<std::size_t>(index)];
    normed = add_and_norm(attend(block, normed, angles));
    const at::Tensor logits =
        product(op_groups::kProjections, normed, block.cross_weight, block.cross_bias);
    OpWork gates = bytes_of({x, x, logits, normed});
    gates.flops = 2 * static_cast<double>(x.numel() / config_.dim * block.cross_delta.numel());
    normed = in_group(op_groups::kCrossGate, gates, [&] {
      return kernels::cross_gate_layer_norm_(x, logits, block.cross_base, block.cross_delta,
                                             static_cast<int>(config_.heads), log_pad_, config_.eps,
                                             config_.eps, options_.dtype);
    });
    const bool tapped = std::binary_search(taps.blocks.begin(), taps.blocks.end(), index);
    at::Tensor hidden;
    if (tapped && taps.pool) {  // the average is taken of GELUs that are not rounded
      hidden = raised(block, normed);
      out.push_back(tap(block, x, hidden, grid, *taps.pool));
      if (index == taps.blocks.back()) break;
      // The stream goes on with the bits that it has where nobody taps this block: on CUDA those
      // are of a sum that was not rounded before the GELU.
      if (!fp8 && hidden.is_cuda()) {
        hidden = hidden_of(block);
      } else if (!fp8) {
        in_group(op_groups::kFeedForward, bytes_of({hidden, hidden}),
                 [&] { kernels::gelu_tanh_(hidden); });
      }
    } else {
      hidden = hidden_of(block);
    }
    const at::Tensor fed = lowered(block, hidden, kernels::BeforeFp8::kGelu);
    if (index == taps.blocks.back()) {
      out.push_back((x + fed).reshape({n, grid.rows, grid.columns, config_.dim}));
      break;
    }
    normed = add_and_norm(fed);
    if (tapped && !taps.pool)
      out.push_back(x.clone().reshape({n, grid.rows, grid.columns, config_.dim}));
  }
  return out;
}

}  // namespace vega::wan
