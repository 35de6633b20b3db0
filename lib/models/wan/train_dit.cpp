#include "models/wan/train_dit.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "base/error.h"
#include "core/check.h"
#include "core/wide_type.h"
#include "models/wan/names.h"
#include "nn/dit_ops.h"
#include "nn/recompute.h"

namespace vega::wan {
namespace {

constexpr const char* kTrainDit = "wan::TrainDit";

bool is_frozen_zero(const at::Tensor& tensor) {
  return !tensor.requires_grad() && at::count_nonzero(tensor).item<std::int64_t>() == 0;
}

}  // namespace

// All that a block reads besides its tensors and the stream: a graph may outlive the network.
struct TrainDit::Pass {
  DitConfig config;
  at::ScalarType type = at::kFloat;
  at::Tensor rope;
  at::Tensor text;  // (text_len, dim) of the compute type; undefined where silent
};

TrainDit::TrainDit(const DitConfig& config, const WeightTable& weights,
                   const TrainDitOptions& options)
    : config_(config), options_(options) {
  check_that(config.heads > 0 && config.dim % config.heads == 0 && config.head_dim() % 2 == 0,
             kTrainDit, "config",
             std::to_string(config.dim) + " over " + std::to_string(config.heads),
             "a width that the heads share evenly, in pairs");
  std::map<std::string, at::Tensor, std::less<>> own;
  for (const NamedTensor& tensor : dit_tensors(config))
    own[tensor.canonical] = find_weight(weights, tensor.canonical, tensor.shape);
  const auto linear = [&](const std::string& name) {
    return Linear{own.at(name + ".weight"), own.at(name + ".bias")};
  };
  const auto attention = [&](const std::string& name) {
    return Attention{linear(name + ".q"),
                     linear(name + ".k"),
                     linear(name + ".v"),
                     linear(name + ".o"),
                     own.at(name + ".norm_q.weight"),
                     own.at(name + ".norm_k.weight")};
  };
  patch_ = linear("patch_embedding");
  text0_ = linear("text_embedding.0"), text2_ = linear("text_embedding.2");
  time0_ = linear("time_embedding.0"), time2_ = linear("time_embedding.2");
  projection_ = linear("time_projection.1");
  head_ = linear("head.head");
  head_modulation_ = own.at("head.modulation");
  for (std::int64_t n = 0; n < config.layers; ++n) {
    const std::string name = "blocks." + std::to_string(n) + ".";
    Block block;
    block.modulation = own.at(name + "modulation");
    block.self = attention(name + "self_attn");
    block.up = linear(name + "ffn.0"), block.down = linear(name + "ffn.2");
    const Linear out = linear(name + "cross_attn.o");
    block.silent = is_frozen_zero(out.weight) && is_frozen_zero(out.bias);
    if (!block.silent) {
      block.cross = attention(name + "cross_attn");
      block.norm3_weight = own.at(name + "norm3.weight");
      block.norm3_bias = own.at(name + "norm3.bias");
    }
    silent_ = silent_ && block.silent;
    blocks_.push_back(std::move(block));
  }
}

at::Tensor TrainDit::embed(const at::Tensor& latents) const {
  const auto n = latents.size(0), c = latents.size(1), frames = latents.size(2);
  const std::int64_t p = config_.patch, rows = latents.size(3) / p, columns = latents.size(4) / p;
  const at::Tensor patches = latents.reshape({n, c, frames, rows, p, columns, p})
                                 .permute({0, 2, 3, 5, 1, 4, 6})
                                 .reshape({n, frames * rows * columns, config_.patch_in()})
                                 .to(options_.dtype);
  return at::linear(patches, patch_.weight.flatten(1).to(options_.dtype),
                    patch_.bias.to(options_.dtype))
      .to(wide_type(options_.dtype));
}

at::Tensor TrainDit::time_embedding(const at::Tensor& times) const {
  const std::int64_t half = config_.freq_dim / 2;
  const at::Tensor frequency =
      at::pow(10000.0, at::arange(half, times.options().dtype(at::kDouble)) *
                           (-1.0 / static_cast<double>(half)));
  const at::Tensor angle = at::outer(times.to(at::kDouble), frequency);
  const at::Tensor wave =
      at::cat({at::cos(angle), at::sin(angle)}, 1).to(wide_type(options_.dtype));
  return linear_of(at::silu(linear_of(wave, time0_)), time2_);
}

// Of x's type.
at::Tensor TrainDit::linear_of(const at::Tensor& x, const Linear& linear) {
  return at::linear(x, linear.weight.to(x.scalar_type()), linear.bias.to(x.scalar_type()));
}

at::Tensor TrainDit::text(const at::Tensor& prompt) const {
  const at::Tensor padded =
      at::constant_pad_nd(prompt.to(options_.dtype), {0, 0, 0, config_.text_len - prompt.size(0)});
  return linear_of(train_gelu(linear_of(padded, text0_)), text2_);
}

// Output order of a token's numbers: row, column, channel.
at::Tensor TrainDit::head(const at::Tensor& x, const at::Tensor& e) const {
  const at::Tensor m = head_modulation_.to(e.scalar_type()) + e.unsqueeze(1);
  const at::Tensor y =
      modulated_norm(x, m.select(1, 0), m.select(1, 1), config_.eps, x.scalar_type());
  return linear_of(y, head_);
}

at::Tensor TrainDit::read_text(const Block& block, const at::Tensor& x, const Pass& pass) {
  const DitConfig& config = pass.config;
  const at::ScalarType wide = x.scalar_type();
  const Attention& cross = block.cross;
  const auto heads = [&](const at::Tensor& value, const at::Tensor& weight) {
    return rms_heads(value, weight.to(wide), config.heads, config.eps);
  };
  const at::Tensor normed = at::layer_norm(x, {config.dim}, block.norm3_weight.to(wide),
                                           block.norm3_bias.to(wide), config.eps)
                                .to(pass.type);
  const at::Tensor context = pass.text.unsqueeze(0);
  const std::vector<std::int64_t> all{x.size(0), -1, -1, -1};
  const at::Tensor keys = heads(linear_of(context, cross.k), cross.norm_k).expand(all);
  const at::Tensor values = split_heads(linear_of(context, cross.v), config.heads).expand(all);
  const at::Tensor mixed =
      full_attention(heads(linear_of(normed, cross.q), cross.norm_q), keys, values);
  return linear_of(mixed, cross.o).to(wide);
}

at::Tensor TrainDit::run_block(const Block& block, const at::Tensor& x, const at::Tensor& e6,
                               const Pass& pass) {
  const DitConfig& config = pass.config;
  const at::ScalarType wide = x.scalar_type();
  const std::vector<at::Tensor> row = (block.modulation.to(wide) + e6).unbind(1);
  const Attention& self = block.self;
  const auto cast = [&](const at::Tensor& master) { return master.to(pass.type); };
  at::Tensor normed = modulated_norm(x, row[0], row[1], config.eps, pass.type);
  const at::Tensor qkv =
      at::linear(normed, at::cat({cast(self.q.weight), cast(self.k.weight), cast(self.v.weight)}),
                 at::cat({cast(self.q.bias), cast(self.k.bias), cast(self.v.bias)}));
  const auto [q, k, v] = normed_heads(qkv, self.norm_q.to(wide), self.norm_k.to(wide), pass.rope,
                                      config.heads, config.eps);
  const at::Tensor mixed = linear_of(full_attention(q, k, v), self.o);
  at::Tensor y;
  if (block.silent) {
    std::tie(y, normed) = gated_norm(x, mixed, row[2], row[3], row[4], config.eps);
  } else {
    y = gated_add(x, mixed, row[2]);
    y = y + read_text(block, y, pass);
    normed = modulated_norm(y, row[3], row[4], config.eps, pass.type);
  }
  return gated_add(y, linear_of(train_gelu(linear_of(normed, block.up)), block.down), row[5]);
}

namespace {

// Every trained tensor of a block, in one order.
template <typename Block, typename Visit>
void visit_trained_of(Block& block, const Visit& visit) {
  const auto one = [&](at::Tensor& tensor) {
    if (tensor.defined() && tensor.requires_grad()) visit(tensor);
  };
  one(block.modulation), one(block.norm3_weight), one(block.norm3_bias);
  for (auto* attention : {&block.self, &block.cross}) {
    for (auto* linear : {&attention->q, &attention->k, &attention->v, &attention->o})
      one(linear->weight), one(linear->bias);
    one(attention->norm_q), one(attention->norm_k);
  }
  for (auto* linear : {&block.up, &block.down}) one(linear->weight), one(linear->bias);
}

}  // namespace

at::Tensor TrainDit::through(const Block& block, const at::Tensor& x, const at::Tensor& e6,
                             const std::shared_ptr<const Pass>& pass) const {
  if (!options_.recompute) return run_block(block, x, e6, *pass);
  std::vector<at::Tensor> inputs{x, e6};
  const bool text = !block.silent;
  if (text) inputs.push_back(pass->text);
  Block own = block;
  visit_trained_of(own, [&](const at::Tensor& tensor) { inputs.push_back(tensor); });
  return recomputed(
      [own, pass, text](const std::vector<at::Tensor>& values) {
        Block with = own;
        Pass here = *pass;
        std::size_t next = 2;
        if (text) here.text = values[next++];
        visit_trained_of(with, [&](at::Tensor& tensor) { tensor = values[next++]; });
        return run_block(with, values[0], values[1], here);
      },
      inputs);
}

void TrainDit::check_pass(const at::Tensor& latents, const at::Tensor& timesteps,
                          const at::Tensor& prompt, const DitTaps* taps) const {
  const at::Device device = head_.weight.device();
  check_shape(kTrainDit, "latents", latents, {kAny, config_.in_dim, kAny, kAny, kAny});
  check_device(kTrainDit, "latents", latents, device);
  check_dtype(kTrainDit, "latents", latents, {at::kFloat, at::kDouble});
  check_that(latents.numel() > 0 && latents.size(3) % 2 == 0 && latents.size(4) % 2 == 0, kTrainDit,
             "latents", to_string(Shape(latents.sizes().vec())),
             "at least one clip, rows and columns even");
  check_shape(kTrainDit, "timesteps", timesteps, {latents.size(0)});
  check_device(kTrainDit, "timesteps", timesteps, device);
  check_dtype(kTrainDit, "timesteps", timesteps, {at::kFloat, at::kDouble});
  if (!silent_) {
    check_that(prompt.defined(), kTrainDit, "prompt", "none",
               "an embedded prompt: this network reads text");
    check_shape(kTrainDit, "prompt", prompt, {kAny, config_.text_dim});
    check_device(kTrainDit, "prompt", prompt, device);
    check_that(prompt.size(0) >= 1 && prompt.size(0) <= config_.text_len, kTrainDit, "prompt",
               std::to_string(prompt.size(0)) + " rows",
               "1 to " + std::to_string(config_.text_len));
  }
  if (taps == nullptr) return;
  const auto& blocks = taps->blocks;
  check_that(std::is_sorted(blocks.begin(), blocks.end()) &&
                 (blocks.empty() || (blocks.front() >= 0 && blocks.back() < config_.layers)),
             kTrainDit, "taps", "blocks out of order or range",
             "ascending, 0 to " + std::to_string(config_.layers - 1));
}

at::Tensor TrainDit::forward(const at::Tensor& latents, const at::Tensor& timesteps,
                             const at::Tensor& prompt, DitTaps* taps) const {
  check_pass(latents, timesteps, prompt, taps);
  const auto n = latents.size(0), frames = latents.size(2);
  const std::int64_t p = config_.patch, rows = latents.size(3) / p, columns = latents.size(4) / p;
  const at::ScalarType wide = wide_type(options_.dtype);
  const auto pass = std::make_shared<Pass>();
  pass->config = config_;
  pass->type = options_.dtype;
  pass->rope =
      clip_rope(frames, rows, columns, config_.head_dim(), wide).to(latents.device()).contiguous();
  if (!silent_) pass->text = text(prompt);
  const at::Tensor e = time_embedding(timesteps);
  const at::Tensor e6 = linear_of(at::silu(e), projection_).view({n, 6, config_.dim});
  at::Tensor x = embed(latents);
  if (taps != nullptr) taps->streams.clear();
  for (std::int64_t index = 0; index < config_.layers; ++index) {
    if (taps != nullptr && taps->stop && taps->streams.size() == taps->blocks.size()) return {};
    x = through(blocks_[static_cast<std::size_t>(index)], x, e6, pass);
    if (taps != nullptr && std::ranges::binary_search(taps->blocks, index))
      taps->streams.push_back(x.view({n, frames, rows, columns, config_.dim}));
  }
  if (taps != nullptr && taps->stop) return {};
  return head(x, e)
      .view({n, frames, rows, columns, p, p, config_.out_dim})
      .permute({0, 6, 1, 2, 4, 3, 5})
      .reshape({n, config_.out_dim, frames, p * rows, p * columns});
}

at::Tensor noised(const at::Tensor& latents, const at::Tensor& noise, const at::Tensor& shares) {
  std::vector<std::int64_t> one(static_cast<std::size_t>(latents.dim()), 1);
  one[0] = latents.size(0);
  const at::Tensor s = shares.to(latents.scalar_type()).view(one);
  return (1 - s) * latents + s * noise;
}

at::Tensor flow_loss(const at::Tensor& velocity, const at::Tensor& latents,
                     const at::Tensor& noise) {
  return (velocity - (noise - latents)).square().flatten(1).mean(1);
}

}  // namespace vega::wan
