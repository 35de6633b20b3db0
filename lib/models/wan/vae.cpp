#include "models/wan/vae.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/log.h"
#include "core/device.h"
#include "core/profile.h"
#include "core/tensor.h"
#include "kernels/attention.h"
#include "kernels/linear.h"
#include "kernels/rms_silu.h"
#include "models/op_groups.h"
#include "models/wan/latent.h"

namespace vega::wan {
namespace {

constexpr std::int64_t kInputChannels = 8;  // on a GPU: 16 bytes a pixel

const TensorView& view(const WeightViews& weights, const std::string& name) {
  return weights.at(name);
}

at::Tensor wide(const WeightViews& weights, const std::string& name) {
  return tensor_from(view(weights, name)).to(at::kDouble);
}

// gamma * sqrt(C), float32 (C).
at::Tensor norm_scale(const WeightViews& weights, const std::string& name, at::Device device) {
  const at::Tensor gamma = wide(weights, name).flatten();
  return (gamma * std::sqrt(static_cast<double>(gamma.numel()))).to(at::kFloat).to(device);
}

// Products of bfloat16 are exact in float32, and each sum is rounded once, as where the processor
// multiplies bfloat16 itself.
at::Tensor convolution(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                       std::int64_t stride, std::int64_t padding) {
  if (!x.is_cpu() || x.scalar_type() != at::kBFloat16 || kernels::multiplies_bf16())
    return at::conv2d(x, weight, bias, stride, padding);
  const auto wide = [](const at::Tensor& t) { return t.defined() ? t.to(at::kFloat) : t; };
  return at::conv2d(wide(x), wide(weight), wide(bias), stride, padding).to(at::kBFloat16);
}

at::Tensor convolved(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                     std::int64_t stride, std::int64_t padding) {
  const double rows = static_cast<double>(x.size(0)) *
                      static_cast<double>((x.size(2) + 2 * padding - weight.size(2)) / stride + 1) *
                      static_cast<double>((x.size(3) + 2 * padding - weight.size(3)) / stride + 1);
  OpWork work = bytes_of({x, weight});
  work.flops = 2 * rows * static_cast<double>(weight.numel());
  work.bytes += rows * static_cast<double>(weight.size(0) * x.element_size());
  return in_group(op_groups::kConvolutions, work,
                  [&] { return convolution(x, weight, bias, stride, padding); });
}

at::Tensor normed(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& bias) {
  return in_group(op_groups::kRmsSilu, bytes_of({x, x}),
                  [&] { return kernels::rms_silu(x, scale, true, bias); });
}

void norm_(at::Tensor& x, const at::Tensor& scale, const at::Tensor& bias) {
  in_group(op_groups::kRmsSilu, bytes_of({x, x}),
           [&] { kernels::rms_silu_(x, scale, true, bias); });
}

// x becomes the sum, the norm of it is new.
at::Tensor added(at::Tensor& x, const at::Tensor& y, const at::Tensor& scale, bool silu,
                 const at::Tensor& bias) {
  return in_group(op_groups::kRmsSilu, bytes_of({x, y, x, x}),
                  [&] { return kernels::add_rms_silu_(x, y, scale, silu, bias); });
}

}  // namespace

std::int64_t score_bytes(const VaeConfig& config, std::int64_t frames, std::int64_t cells,
                         std::int64_t width) {
  const std::int64_t map = frames * cells * kLatentStride * kLatentStride * config.base * width;
  return std::max(map, kernels::kScoreBytes);
}

at::Tensor VaeEncoder::place(const at::Tensor& weight) const {
  const at::Tensor moved = weight.to(options_.device, options_.dtype);
  return moved.dim() == 4 ? moved.contiguous(at::MemoryFormat::ChannelsLast) : moved.contiguous();
}

// The last temporal slice of a 3D kernel; 2D kernels as they are (a).
VaeEncoder::Conv VaeEncoder::conv(const WeightViews& weights, const std::string& name) const {
  at::Tensor weight = tensor_from(view(weights, name + ".weight"));
  if (weight.dim() == 5) weight = weight.select(2, weight.size(2) - 1);
  const at::Tensor bias = tensor_from(view(weights, name + ".bias"));
  if (options_.device.is_cpu()) return {place(weight), place(bias), {}};
  return {place(weight), {}, bias.to(options_.device, at::kFloat)};
}

// lacks: what the block's input lacks, or undefined. A 1x1 convolution of it lacks the product with
// that.
VaeEncoder::Residual VaeEncoder::residual(const WeightViews& weights, const std::string& name,
                                          const at::Tensor& lacks) const {
  Residual block;
  block.scale1 = norm_scale(weights, name + ".residual.0.gamma", options_.device);
  block.conv1 = conv(weights, name + ".residual.2");
  block.scale2 = norm_scale(weights, name + ".residual.3.gamma", options_.device);
  block.conv2 = conv(weights, name + ".residual.6");
  const bool turns = weights.contains(name + ".shortcut.weight");
  if (turns) block.shortcut = conv(weights, name + ".shortcut");
  if (options_.device.is_cpu()) return block;
  at::Tensor add = block.conv2.later.to(at::kDouble);
  if (turns) add = add + block.shortcut.later;
  if (lacks.defined()) {
    const at::Tensor wide = lacks.to(at::kDouble);
    add = add + (turns ? at::mv(block.shortcut.weight.flatten(1).to(at::kDouble), wide) : wide);
  }
  block.add = add.to(at::kFloat);
  return block;
}

// q' = Wk^T (Wq x' + bq) / sqrt(C), keys x', v' = Wproj Wv x', bias Wproj bv + bproj, with x' = x /
// ||x|| and gamma * sqrt(C) folded into Wq, Wk, Wv. The key bias adds one number to a whole softmax
// row and cancels.
void VaeEncoder::fold_attention(const WeightViews& weights) {
  const std::string name = "encoder.middle.1.";
  const at::Tensor gamma = wide(weights, name + "norm.gamma").flatten();
  const auto width = gamma.numel();
  const at::Tensor scale = gamma * std::sqrt(static_cast<double>(width));
  const at::Tensor qkv = wide(weights, name + "to_qkv.weight").reshape({3, width, width});
  const at::Tensor bias = wide(weights, name + "to_qkv.bias").reshape({3, width});
  const at::Tensor proj = wide(weights, name + "proj.weight").reshape({width, width});
  const at::Tensor wq = qkv[0] * scale, wk = qkv[1] * scale, wv = qkv[2] * scale;
  const double root = 1.0 / std::sqrt(static_cast<double>(width));
  attention_.query_weight = place(at::matmul(wk.t(), wq) * root);
  attention_.query_bias = place(at::mv(wk.t(), bias[0]) * root);
  attention_.value_weight = place(at::matmul(proj, wv));
  attention_.value_bias = place(at::mv(proj, bias[2]) + wide(weights, name + "proj.bias"));
}

// Head convolution, top-level 1x1 convolution (mean half) and latent statistics in one 3x3
// convolution (e5).
void VaeEncoder::fold_tail(const WeightViews& weights) {
  const LatentStatistics statistics = latent_statistics(options_.bf16_latent_constants);
  const auto z = config_.z_dim;
  const at::Tensor mean = at::tensor(at::ArrayRef<double>(statistics.mean), at::kDouble);
  const at::Tensor inverse = at::tensor(at::ArrayRef<double>(statistics.inverse_std), at::kDouble);
  const at::Tensor head = wide(weights, "encoder.head.2.weight").select(2, 2);  // (2z, C, 3, 3)
  const at::Tensor head_bias = wide(weights, "encoder.head.2.bias");
  const at::Tensor top = wide(weights, "conv1.weight").flatten(1).narrow(0, 0, z);  // (z, 2z)
  const at::Tensor top_bias = wide(weights, "conv1.bias").narrow(0, 0, z);
  const at::Tensor weight = at::matmul(top, head.flatten(1)) * inverse.unsqueeze(1);
  tail_.weight = place(weight.reshape({z, head.size(1), 3, 3}));
  const at::Tensor bias = (at::mv(top, head_bias) + top_bias - mean) * inverse;
  if (options_.device.is_cpu())
    tail_.bias = place(bias);
  else
    tail_.later = bias.to(options_.device, at::kFloat).view({z, 1, 1});
  tail_scale_ = norm_scale(weights, "encoder.head.0.gamma", options_.device);
}

VaeEncoder::VaeEncoder(const WeightViews& weights, const VaeConfig& config, const Options& options)
    : config_(config), options_(options) {
  const c10::NoGradGuard no_grad;
  first_ = conv(weights, "encoder.conv1");
  if (options.device.is_cuda())
    first_.weight = place(at::constant_pad_nd(
        first_.weight, {0, 0, 0, 0, 0, kInputChannels - first_.weight.size(1)}));
  at::Tensor lacks = first_.later;
  int flat = 0;
  for (std::size_t level = 0; level < config.mult.size(); ++level) {
    Level made;
    for (std::int64_t i = 0; i < config.res_blocks; ++i, ++flat) {
      made.blocks.push_back(
          residual(weights, "encoder.downsamples." + std::to_string(flat), lacks));
      lacks.reset();
    }
    if (level + 1 < config.mult.size()) {
      made.down = conv(weights, "encoder.downsamples." + std::to_string(flat++) + ".resample.1");
      lacks = made.down.later;
    }
    levels_.push_back(std::move(made));
  }
  middle_ = {residual(weights, "encoder.middle.0", {}), residual(weights, "encoder.middle.2", {})};
  fold_attention(weights);
  fold_tail(weights);
  const auto width = config.base * config.mult.back();
  ones_ = at::ones({width}, at::TensorOptions(options.device).dtype(at::kFloat));
}

VaeEncoder::Parts VaeEncoder::run(const Residual& block, at::Tensor x, at::Tensor normed) const {
  at::Tensor y = convolved(normed, block.conv1.weight, block.conv1.bias, 1, 1);
  normed.reset();
  norm_(y, block.scale2, block.conv1.later);
  y = convolved(y, block.conv2.weight, block.conv2.bias, 1, 1);
  if (block.shortcut.weight.defined())
    x = convolved(x, block.shortcut.weight, block.shortcut.bias, 1, 0);
  return {std::move(y), std::move(x)};
}

// unit: the pixels divided by their norms.
at::Tensor VaeEncoder::run(const Attention& attention, const at::Tensor& unit) const {
  const auto n = unit.size(0), c = unit.size(1), h = unit.size(2), w = unit.size(3);
  OpWork work = bytes_of({unit, unit});
  work.flops = 4 * static_cast<double>(n * h * w * c) * static_cast<double>(h * w + c);
  const OpGroup group(op_groups::kVaeAttention, work);
  const at::Tensor rows = unit.permute({0, 2, 3, 1}).reshape({n, h * w, c});
  const at::Tensor query = kernels::linear_bf16(rows, attention.query_weight, attention.query_bias);
  const at::Tensor value = kernels::linear_bf16(rows, attention.value_weight, attention.value_bias);
  // The rows of a softmax sum to one, so the value bias may be added before it.
  const std::int64_t most = score_bytes(config_, n, h * w, unit.element_size());
  return kernels::vae_attention(rows, query, value, most)
      .reshape({n, h, w, c})
      .permute({0, 3, 1, 2});
}

// Where a convolution's workspace does not fit, cuDNN takes another plan, LibTorch keeps that for
// the shape, and neither says a word.
void VaeEncoder::warn_of_plans(std::int64_t refused_before) const {
  const std::int64_t refused = refused_allocations(options_.device) - refused_before;
  if (refused > 0)
    log_warn(
        "{}: no memory for the workspace of {} of the VAE's convolutions, which took another plan: "
        "the last bits of features differ from those of a run with more memory (a smaller --batch "
        "leaves more)",
        options_.device.str(), refused);
}

// Once for a shape, so that a log says how its frames were computed.
void VaeEncoder::log_steps(std::int64_t frames, std::int64_t cells) const {
  if (std::exchange(logged_, frames * cells) == frames * cells) return;
  const auto width = static_cast<std::int64_t>(c10::elementSize(options_.dtype));
  const std::int64_t most = score_bytes(config_, frames, cells, width);
  const auto [at_once, rows] = kernels::score_steps(frames, cells, most);
  const std::string part = rows == cells ? fmt::format("{} of {} frames", at_once, frames)
                                         : fmt::format("{} of {} query rows", rows, cells);
  log_info("VAE attention: {} at a time, {:.2f} GB of scores", part,
           4e-9 * static_cast<double>(at_once * rows * cells));
}

// On a GPU with five channels of zeros: convolutions of three have no fast plan in bfloat16.
at::Tensor VaeEncoder::input(const at::Tensor& pixels) const {
  return in_group(op_groups::kPadding, bytes_of({pixels, pixels}), [&] {
    if (pixels.is_cpu())
      return pixels.to(options_.dtype).contiguous(at::MemoryFormat::ChannelsLast);
    at::Tensor wide =
        at::empty({pixels.size(0), kInputChannels, pixels.size(2), pixels.size(3)},
                  pixels.options().dtype(options_.dtype), at::MemoryFormat::ChannelsLast);
    wide.zero_();
    wide.narrow(1, 0, pixels.size(1)).copy_(pixels);
    return wide;
  });
}

at::Tensor VaeEncoder::encode(const at::Tensor& pixels) const {
  const c10::NoGradGuard no_grad;
  const std::int64_t refused = refused_allocations(options_.device);
  at::Tensor x = convolved(input(pixels), first_.weight, first_.bias, 1, 1);
  at::Tensor read = normed(x, levels_[0].blocks[0].scale1, first_.later);
  for (std::size_t n = 0; n < levels_.size(); ++n) {
    const Level& level = levels_[n];
    for (std::size_t i = 0; i < level.blocks.size(); ++i) {
      const Residual& block = level.blocks[i];
      auto [inner, outer] = run(block, std::move(x), std::move(read));
      const bool last = i + 1 == level.blocks.size();
      if (last && level.down.weight.defined()) {
        // Zeros right and below only, then a stride-2 convolution without padding.
        x = in_group(op_groups::kPadding, bytes_of({inner, outer, inner}),
                     [&] { return kernels::add_padded(inner, outer, block.add); });
        inner.reset(), outer.reset();
        x = convolved(x, level.down.weight, level.down.bias, 2, 0);
        read = normed(x, levels_[n + 1].blocks[0].scale1, level.down.later);
      } else {
        const Residual& next = last ? middle_[0] : level.blocks[i + 1];
        read = added(inner, outer, next.scale1, true, block.add);
        x = std::move(inner);
      }
    }
  }
  auto [before, outer] = run(middle_[0], std::move(x), std::move(read));
  const at::Tensor unit = added(before, outer, ones_, false, middle_[0].add);
  if (unit.is_cuda()) log_steps(unit.size(0), unit.size(2) * unit.size(3));
  x = run(attention_, unit);
  read = added(x, before, middle_[1].scale1, true, {});
  auto [last, stream] = run(middle_[1], std::move(x), std::move(read));
  in_group(op_groups::kRmsSilu, bytes_of({last, stream, last}),
           [&] { kernels::norm_of_sum_(last, stream, tail_scale_, true, middle_[1].add); });
  const at::Tensor latents = convolved(last, tail_.weight, tail_.bias, 1, 1);
  warn_of_plans(refused);
  return (tail_.later.defined() ? latents + tail_.later : latents.to(at::kFloat)).contiguous();
}

}  // namespace vega::wan
