#include "models/qwen2/decoder.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <array>
#include <string>

#include "base/error.h"
#include "core/check.h"
#include "core/on_device.h"
#include "kernels/cache_step.h"
#include "kernels/decoder_rows.h"
#include "kernels/linear.h"
#include "nn/causal_attention.h"

namespace vega::qwen2 {
namespace {

// Rows of the feed-forward layer at a time: its inner values stay in a cache near the cores.
constexpr std::int64_t kBlockRows = 1024;
// Logits of at most so many tokens go through the row kernels.
constexpr std::int64_t kMostRowLogits = 64;

// One product a matrix. `few`: through the row kernels, where rows do not see each other.
std::vector<at::Tensor> products(const at::Tensor& x, std::span<const kernels::Matrix> matrices,
                                 bool few) {
  if (few) return kernels::row_linear(x, matrices);
  std::vector<at::Tensor> out;
  for (const auto& matrix : matrices) out.push_back(kernels::linear(x, matrix.weight, matrix.bias));
  return out;
}

at::Tensor product(const at::Tensor& x, const kernels::Matrix& matrix, bool few) {
  return products(x, {&matrix, 1}, few)[0];
}

}  // namespace

KvShape Decoder::cache_shape() const {
  return {.layers = config_.layers,
          .heads = config_.kv_heads,
          .head_dim = config_.head_dim,
          .dtype = options_.dtype,
          .device = options_.device};
}

KvCache Decoder::new_cache(std::int64_t tokens) const { return KvCache(cache_shape(), tokens); }

at::Tensor Decoder::embed(std::span<const std::int64_t> ids) const {
  const c10::NoGradGuard no_grad;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0 || ids[i] >= config_.vocab)
      throw InputError(explain("token " + std::to_string(i), "id " + std::to_string(ids[i]),
                               "0 to " + std::to_string(config_.vocab - 1),
                               "the tokeniser and the checkpoint must be of one model"));
  }
  const at::Tensor index =
      at::tensor(at::ArrayRef<std::int64_t>(ids.data(), ids.size()), at::kLong);
  return embedding_.index_select(0, index.to(options_.device));
}

// q, k and v of new tokens, turned; keys and values into the caches; attention of each sequence.
at::Tensor Decoder::attend(const Layer& layer, std::int64_t index, const at::Tensor& normed,
                           const RopeTable& rope, std::span<KvCache* const> caches,
                           bool few) const {
  const std::int64_t rows = normed.size(0), width = config_.head_dim;
  const std::array<kernels::Matrix, 3> matrices{layer.q, layer.k, layer.v};
  auto qkv = products(normed, matrices, few);
  at::Tensor q = qkv[0].view({rows, config_.heads, width});
  at::Tensor k = qkv[1].view({rows, config_.kv_heads, width});
  kernels::rope_(q, rope.cos, rope.sin);
  kernels::rope_(k, rope.cos, rope.sin);
  const at::Tensor keys = k.transpose(0, 1);
  const at::Tensor values = qkv[2].view({rows, config_.kv_heads, width}).transpose(0, 1);
  const std::int64_t each = rows / static_cast<std::int64_t>(caches.size());
  for (std::size_t n = 0; n < caches.size(); ++n) {
    const std::int64_t first = static_cast<std::int64_t>(n) * each;
    caches[n]->write(index, keys.narrow(1, first, each), values.narrow(1, first, each));
  }
  if (caches.size() > 1) return step_attention(q, index, caches);
  return causal_attention(q, caches[0]->parts(index, rows));
}

// attend() for one token of each sequence, whose caches a table in the device's memory lists.
at::Tensor Decoder::attend_by_table(const Layer& layer, std::int64_t index,
                                    const at::Tensor& normed, const StepInputs& inputs) const {
  const std::array<kernels::Matrix, 3> matrices{layer.q, layer.k, layer.v};
  const auto qkv = products(normed, matrices, /*few=*/true);
  const std::int64_t rows = normed.size(0), width = config_.head_dim;
  at::Tensor q = qkv[0].view({rows, config_.heads, width});
  kernels::cache_append_(q, qkv[1].view({rows, config_.kv_heads, width}),
                         qkv[2].view({rows, config_.kv_heads, width}), inputs.rope.cos,
                         inputs.rope.sin, inputs.table, index);
  return kernels::cache_attention(q, config_.kv_heads, inputs.table, index);
}

at::Tensor Decoder::feed_forward(const Layer& layer, const at::Tensor& normed, bool few) const {
  const std::array<kernels::Matrix, 2> inner{layer.gate, layer.up};
  const auto block = [&](const at::Tensor& rows) {
    auto values = products(rows, inner, few);
    kernels::swiglu_(values[0], values[1]);
    return product(values[0], layer.down, few);
  };
  const std::int64_t rows = normed.size(0);
  if (few || rows <= kBlockRows || !normed.is_cpu()) return block(normed);
  at::Tensor out = at::empty(normed.sizes(), normed.options());
  for (std::int64_t first = 0; first < rows; first += kBlockRows) {
    const std::int64_t count = std::min(kBlockRows, rows - first);
    out.narrow(0, first, count).copy_(block(normed.narrow(0, first, count)));
  }
  return out;
}

at::Tensor Decoder::run_layers(const at::Tensor& embeddings, const Attend& attend, bool few,
                               bool last_only) const {
  const std::int64_t rows = embeddings.size(0);
  const double eps = config_.norm_eps;
  at::Tensor x = embeddings.clone(at::MemoryFormat::Contiguous);
  at::Tensor normed = kernels::rms_norm(x, layers_[0].input_norm, eps);
  for (std::size_t n = 0; n < layers_.size(); ++n) {
    const Layer& layer = layers_[n];
    const bool last = n + 1 == layers_.size();
    at::Tensor mixed = attend(layer, static_cast<std::int64_t>(n), normed);
    if (last && last_only && rows > 1) {  // the other tokens have left their keys and values
      mixed = mixed.narrow(0, rows - 1, 1);
      x = x.narrow(0, rows - 1, 1);
      few = true;
    }
    normed = kernels::add_rms_norm_(x, product(mixed, layer.o, few), layer.post_norm, eps);
    const at::Tensor fed = feed_forward(layer, normed, few);
    normed = kernels::add_rms_norm_(x, fed, last ? norm_ : layers_[n + 1].input_norm, eps);
  }
  return normed;
}

RopeTable Decoder::rope_of(const at::Tensor& positions, at::Device device) const {
  return rope_table(positions, config_.head_dim, config_.rope_theta, config_.rope_sections,
                    options_.dtype, device);
}

at::Tensor Decoder::run(const at::Tensor& embeddings, const at::Tensor& positions,
                        std::span<KvCache* const> caches, bool few, bool last_only) const {
  const RopeTable rope = rope_of(positions, options_.device);
  const std::int64_t each = embeddings.size(0) / static_cast<std::int64_t>(caches.size());
  for (KvCache* cache : caches) cache->reserve(each);
  const at::Tensor out = run_layers(
      embeddings,
      [&](const Layer& layer, std::int64_t index, const at::Tensor& normed) {
        return attend(layer, index, normed, rope, caches, few);
      },
      few, last_only);
  for (KvCache* cache : caches) cache->advance(each);
  return out;
}

void Decoder::check_pass(const char* op, const at::Tensor& embeddings,
                         const at::Tensor& positions) const {
  check_shape(op, "embeddings", embeddings, {kAny, config_.hidden});
  check_dtype(op, "embeddings", embeddings, {options_.dtype});
  check_device(op, "embeddings", embeddings, options_.device);
  const std::int64_t rows = embeddings.size(0);
  check_that(rows > 0, op, "embeddings", "no token", "at least one");
  if (config_.three_components())
    check_shape(op, "positions", positions, {3, rows});
  else
    check_shape(op, "positions", positions, {rows});
}

at::Tensor Decoder::forward(const at::Tensor& embeddings, const at::Tensor& positions,
                            KvCache& cache, bool last_only) const {
  const c10::NoGradGuard no_grad;
  check_pass("qwen2::Decoder::forward", embeddings, positions);
  const bool few = embeddings.size(0) <= kFewTokens;
  KvCache* const one = &cache;
  return on_device(options_.device, [&] {
    return run(embeddings, positions, {&one, 1}, few, last_only);
  });
}

at::Tensor Decoder::step(const at::Tensor& embeddings, const at::Tensor& positions,
                         std::span<KvCache* const> caches) const {
  const c10::NoGradGuard no_grad;
  const char* op = "qwen2::Decoder::step";
  check_pass(op, embeddings, positions);
  check_that(embeddings.size(0) == static_cast<std::int64_t>(caches.size()), op, "caches",
             std::to_string(caches.size()), std::to_string(embeddings.size(0)) + ", one a token");
  for (std::size_t n = 0; n < caches.size(); ++n) {
    const bool again = std::find(caches.begin() + static_cast<std::ptrdiff_t>(n) + 1, caches.end(),
                                 caches[n]) != caches.end();
    check_that(!again, op, "caches", "one cache twice", "one a sequence");
    // A device reads the caches by address: nothing after this would tell.
    check_that(caches[n]->shape() == cache_shape(), op, "caches",
               "number " + std::to_string(n) + " of another shape, type or device",
               "caches of new_cache()");
  }
  return on_device(options_.device, [&] {
    if (!steps_) return run(embeddings, positions, caches, /*few=*/true, false);
    return steps_->step(
        embeddings, rope_of(positions, at::kCPU), caches, [&](const StepInputs& inputs) {
          return run_layers(
              inputs.embeddings,
              [&](const Layer& layer, std::int64_t index, const at::Tensor& normed) {
                return attend_by_table(layer, index, normed, inputs);
              },
              /*few=*/true, false);
        });
  });
}

at::Tensor Decoder::logits(const at::Tensor& hidden) const {
  const c10::NoGradGuard no_grad;
  const char* op = "qwen2::Decoder::logits";
  check_that(hidden.dim() >= 1 && hidden.size(-1) == config_.hidden, op, "hidden",
             to_string(hidden.sizes().vec()), "(..., " + std::to_string(config_.hidden) + ")");
  check_dtype(op, "hidden", hidden, {options_.dtype});
  check_device(op, "hidden", hidden, options_.device);
  const at::Tensor rows = hidden.reshape({-1, config_.hidden}).contiguous();
  auto shape = hidden.sizes().vec();
  shape.back() = config_.vocab;
  return on_device(options_.device, [&] {
    const bool few = rows.size(0) <= kMostRowLogits;
    return product(rows, {head_, {}}, few).to(at::kFloat).reshape(shape);
  });
}

}  // namespace vega::qwen2
