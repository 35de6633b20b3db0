#include "models/qwen2_5_vl/tower.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>

#include "core/check.h"
#include "core/on_device.h"
#include "core/tensor.h"
#include "kernels/attention.h"
#include "kernels/decoder_rows.h"
#include "kernels/linear.h"

namespace vega::qwen2_5_vl {
namespace {

// Patches that go through the tower at a time: what it holds in between stays within bounds. A
// picture is never divided.
constexpr std::int64_t kHostPatches = 4096, kDevicePatches = 65536;
// Rows of the feed-forward layer at a time on the CPU: its inner values stay near the cores.
constexpr std::int64_t kBlockRows = 1024;

// (N, L, 3, heads, width) -> softmax of q k^T, times v: (N, L, heads * width).
at::Tensor attention(const at::Tensor& qkv) {
  const at::Tensor heads = qkv.permute({2, 0, 3, 1, 4});
  return kernels::softmax_attention(heads[0], heads[1], heads[2]);
}

}  // namespace

Tower::Tower(const WeightViews& weights, const VisionConfig& config, const Options& options)
    : config_(config), options_(options) {
  const c10::NoGradGuard no_grad;
  const auto wide = [&](const std::string& name) {
    return tensor_from(weights.at(name)).to(options_.device).to(at::kDouble);
  };
  // (width, 3, 2, 14, 14): the sum over both pictures.
  patch_weight_ = wide("patch_embed.proj.weight").sum(2).flatten(1).to(options_.dtype);
  for (std::int64_t n = 0; n < config.layers; ++n) layers_.push_back(take_layer(weights, n));
  merge_norm_ = take(weights, "merger.ln_q.weight");
  merge_ = take_linear(weights, "merger.mlp.0");
  out_ = take_linear(weights, "merger.mlp.2");
}

at::Tensor Tower::Linear::operator()(const at::Tensor& x) const {
  return kernels::linear(x, weight, bias);
}

at::Tensor Tower::take(const WeightViews& weights, const std::string& name) const {
  return tensor_from(weights.at(name)).to(options_.device).to(options_.dtype).contiguous();
}

Tower::Linear Tower::take_linear(const WeightViews& weights, const std::string& name) const {
  return {take(weights, name + ".weight"), take(weights, name + ".bias")};
}

Tower::Layer Tower::take_layer(const WeightViews& weights, std::int64_t index) const {
  const std::string name = "blocks." + std::to_string(index) + ".";
  // Queries come out scaled: turning them does not change their length.
  const auto scaled = [&](const char* part) {
    at::Tensor all = tensor_from(weights.at(name + part)).to(options_.device).to(at::kDouble);
    all = all.clone();
    all.narrow(0, 0, config_.width).mul_(1 / std::sqrt(static_cast<double>(config_.head_dim())));
    return all.to(options_.dtype).contiguous();
  };
  Layer layer;
  layer.norm1 = take(weights, name + "norm1.weight");
  layer.norm2 = take(weights, name + "norm2.weight");
  layer.qkv = {scaled("attn.qkv.weight"), scaled("attn.qkv.bias")};
  layer.proj = take_linear(weights, name + "attn.proj");
  layer.gate = take_linear(weights, name + "mlp.gate_proj");
  layer.up = take_linear(weights, name + "mlp.up_proj");
  layer.down = take_linear(weights, name + "mlp.down_proj");
  layer.full = std::ranges::find(config_.full_layers, index) != config_.full_layers.end();
  return layer;
}

Tower::Grid Tower::grid_of(std::int64_t grid_h, std::int64_t grid_w) const {
  Grid grid;
  grid.order = window_order(grid_h, grid_w, config_.window_cells);
  std::vector<std::int64_t> rows, columns;
  for (const std::int64_t cell : grid.order.cell) {
    for (std::int64_t patch = 0; patch < kCellPatches; ++patch) {
      rows.push_back(cell / grid_w * kMerge + patch / kMerge);
      columns.push_back(cell % grid_w * kMerge + patch % kMerge);
    }
  }
  // The first quarter of a head's elements turns with the row, the second with the column, as pairs
  // with the third and the fourth.
  const auto half = [&](const std::vector<std::int64_t>& positions) {
    return rope_table(at::tensor(positions, at::kLong), config_.head_dim() / 2, kVisionTheta, {},
                      at::kFloat, options_.device);
  };
  const RopeTable down = half(rows), right = half(columns);
  grid.rope.cos = at::cat({down.cos, right.cos}, 1);
  grid.rope.sin = at::cat({down.sin, right.sin}, 1);
  grid.cell = at::tensor(grid.order.cell, at::kLong).to(options_.device);
  grid.place = at::tensor(grid.order.place, at::kLong).to(options_.device);
  return grid;
}

at::Tensor Tower::attend(const Layer& layer, const at::Tensor& normed, const Grid& grid,
                         std::int64_t count) const {
  const std::int64_t rows = normed.size(0), each = rows / count;
  const std::int64_t heads = config_.heads, width = config_.head_dim();
  at::Tensor qkv = layer.qkv(normed);
  // Queries and keys, turned in float32 whatever the type, as released.
  const at::Tensor both = qkv.view({rows, 3 * heads, width}).narrow(1, 0, 2 * heads);
  const at::Tensor cos = grid.rope.cos.repeat({count, 1}), sin = grid.rope.sin.repeat({count, 1});
  at::Tensor turned = both.to(at::kFloat);
  kernels::rope_(turned, cos, sin);
  if (options_.dtype != at::kFloat) both.copy_(turned);
  const at::Tensor all = qkv.view({count, each, 3, heads, width});
  at::Tensor mixed;
  if (layer.full) {
    mixed = attention(all);
  } else {
    std::vector<at::Tensor> parts;
    for (const WindowOrder::Group& group : grid.order.groups) {
      const std::int64_t length = group.cells * kCellPatches;
      const at::Tensor part = all.narrow(1, group.first * kCellPatches, group.windows * length);
      parts.push_back(attention(part.reshape({count * group.windows, length, 3, heads, width}))
                          .view({count, group.windows * length, heads * width}));
    }
    mixed = parts.size() == 1 ? parts[0] : at::cat(parts, 1);
  }
  return layer.proj(mixed.view({rows, heads * width}));
}

// patches (N, P, kPatchValues) -> (N, cells, out).
at::Tensor Tower::run(const at::Tensor& patches, const Grid& grid) const {
  const std::int64_t count = patches.size(0), cells = patches.size(1) / kCellPatches;
  const at::Tensor ordered = patches.view({count, cells, kCellPatches, kPatchValues})
                                 .index_select(1, grid.cell)
                                 .view({-1, kPatchValues})
                                 .to(options_.dtype);
  at::Tensor x = kernels::linear(ordered, patch_weight_, {});
  const std::int64_t rows = x.size(0);
  const std::int64_t block = x.is_cpu() ? kBlockRows : rows;
  at::Tensor normed = kernels::rms_norm(x, layers_[0].norm1, kVisionEps);
  for (std::size_t n = 0; n < layers_.size(); ++n) {
    const Layer& layer = layers_[n];
    normed = kernels::add_rms_norm_(x, attend(layer, normed, grid, count), layer.norm2, kVisionEps);
    const at::Tensor fed = at::empty_like(x);
    for (std::int64_t first = 0; first < rows; first += block) {
      const std::int64_t some = std::min(block, rows - first);
      const at::Tensor in = normed.narrow(0, first, some);
      at::Tensor gate = layer.gate(in);
      kernels::swiglu_(gate, layer.up(in));
      fed.narrow(0, first, some).copy_(layer.down(gate));
    }
    const bool last = n + 1 == layers_.size();
    normed = kernels::add_rms_norm_(x, fed, last ? merge_norm_ : layers_[n + 1].norm1, kVisionEps);
  }
  const at::Tensor merged = normed.view({rows / kCellPatches, kCellPatches * config_.width});
  const at::Tensor inner = at::gelu(merge_(merged), "none");
  return out_(inner).view({count, cells, config_.out}).index_select(1, grid.place);
}

at::Tensor Tower::forward(const at::Tensor& patches, std::int64_t grid_h,
                          std::int64_t grid_w) const {
  const c10::NoGradGuard no_grad;
  const char* op = "qwen2_5_vl::Tower";
  check_that(grid_h > 0 && grid_w > 0, op, "grid",
             std::to_string(grid_h) + "x" + std::to_string(grid_w), "at least one cell");
  const std::int64_t each = kCellPatches * grid_h * grid_w;
  check_shape(op, "patches", patches, {kAny, each, kPatchValues});
  check_dtype(op, "patches", patches, {at::kFloat});
  check_device(op, "patches", patches, options_.device);
  return on_device(options_.device, [&] {
    const Grid grid = grid_of(grid_h, grid_w);
    const std::int64_t most = options_.device.is_cpu() ? kHostPatches : kDevicePatches;
    const std::int64_t some = std::max<std::int64_t>(1, most / each);
    std::vector<at::Tensor> out;
    for (std::int64_t first = 0; first < patches.size(0); first += some)
      out.push_back(run(
          patches.narrow(0, first, std::min(some, patches.size(0) - first)).contiguous(), grid));
    if (out.empty())
      return at::empty({0, grid_h * grid_w, config_.out},
                       at::TensorOptions().dtype(options_.dtype).device(options_.device));
    return out.size() == 1 ? out[0] : at::cat(out);
  });
}

}  // namespace vega::qwen2_5_vl
