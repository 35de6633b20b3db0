#include "nn/kv_cache.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cstddef>
#include <string>

#include "core/check.h"

namespace vega {
namespace {

constexpr const char* kCache = "KvCache";
constexpr std::int64_t kLeastChunk = 256;  // tokens of a chunk that nobody asked to be larger

}  // namespace

KvCache::KvCache(const KvShape& shape, std::int64_t capacity) : shape_(shape) {
  check_that(shape.layers > 0 && shape.heads > 0 && shape.head_dim > 0, kCache, "shape",
             std::to_string(shape.layers) + " layers, " + std::to_string(shape.heads) +
                 " heads of " + std::to_string(shape.head_dim),
             "at least one of each");
  if (capacity > 0) reserve(capacity);
}

std::int64_t KvCache::room() const {
  return runs_.empty() || !runs_.back().own ? 0
                                            : runs_.back().chunk->capacity - runs_.back().length;
}

void KvCache::reserve(std::int64_t tokens) {
  if (room() >= tokens) return;
  // A chunk that nothing was written to gives way; else what is left of it stays unused.
  if (!runs_.empty() && runs_.back().length == 0) runs_.pop_back();
  const std::int64_t capacity = std::max(tokens, length_ == 0 ? tokens : kLeastChunk);
  auto chunk = std::make_shared<Chunk>();
  chunk->capacity = capacity;
  // Pages of a large block are taken by the system when they are first written.
  chunk->data = at::empty({shape_.layers, 2, shape_.heads, capacity, shape_.head_dim},
                          at::TensorOptions(shape_.device).dtype(shape_.dtype));
  runs_.push_back({std::move(chunk), 0, true});
}

KvCache KvCache::fork(std::int64_t capacity) const {
  KvCache copy(shape_);
  copy.length_ = length_;
  for (const Run& run : runs_) {
    if (run.length > 0) copy.runs_.push_back({run.chunk, run.length, false});
  }
  if (capacity > 0) copy.reserve(capacity);
  return copy;
}

std::int64_t KvCache::bytes() const {
  std::int64_t sum = 0;
  for (const Run& run : runs_) sum += static_cast<std::int64_t>(run.chunk->data.nbytes());
  return sum;
}

void KvCache::write(std::int64_t layer, const at::Tensor& keys, const at::Tensor& values) {
  const c10::NoGradGuard no_grad;
  for (const auto* tensor : {&keys, &values}) {
    const char* name = tensor == &keys ? "keys" : "values";
    check_shape(kCache, name, *tensor, {shape_.heads, keys.size(1), shape_.head_dim});
    check_dtype(kCache, name, *tensor, {shape_.dtype});
    check_device(kCache, name, *tensor, shape_.device);
  }
  const std::int64_t tokens = keys.size(1);
  check_that(room() >= tokens && layer >= 0 && layer < shape_.layers, kCache, "write",
             "layer " + std::to_string(layer) + ", " + std::to_string(tokens) + " tokens",
             "room made by reserve(), and one of " + std::to_string(shape_.layers) + " layers");
  const Run& run = runs_.back();
  const at::Tensor place = run.chunk->data[layer].narrow(2, run.length, tokens);
  place[0].copy_(keys);
  place[1].copy_(values);
}

void KvCache::advance(std::int64_t tokens) {
  check_that(tokens >= 0 && room() >= tokens, kCache, "advance", std::to_string(tokens),
             "at most the room of " + std::to_string(room()));
  if (tokens == 0) return;
  runs_.back().length += tokens;
  length_ += tokens;
}

std::vector<KvCache::Part> KvCache::parts(std::int64_t layer, std::int64_t pending) const {
  std::vector<Part> out;
  for (const Run& run : runs_) {
    const std::int64_t length = run.length + (&run == &runs_.back() ? pending : 0);
    if (length == 0) continue;
    const at::Tensor both = run.chunk->data[layer].narrow(2, 0, length);
    out.push_back({both[0], both[1]});
  }
  return out;
}

kernels::KeyRuns KvCache::runs(std::int64_t layer, std::int64_t pending) const {
  kernels::KeyRuns out;
  for (const Run& run : runs_) {
    const std::int64_t length = run.length + (&run == &runs_.back() ? pending : 0);
    if (length == 0) continue;
    const at::Tensor& data = run.chunk->data;
    const auto* keys = static_cast<const std::byte*>(data.const_data_ptr()) +
                       layer * data.stride(0) * data.element_size();
    out.push_back({keys, keys + data.stride(1) * data.element_size(), length, data.stride(2),
                   data.stride(0)});
  }
  return out;
}

}  // namespace vega
