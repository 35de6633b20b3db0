// Keys and values of the tokens that a decoder has seen, for one sequence.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/row_attention.h"

namespace vega {

// What a cache holds: `layers` layers of `heads` key and value heads.
struct KvShape {
  std::int64_t layers = 0, heads = 0, head_dim = 0;
  at::ScalarType dtype = at::kFloat;
  at::Device device{at::kCPU};

  bool operator==(const KvShape&) const = default;
};

// Tokens lie in chunks; a chunk is never moved or copied: a full cache gets another chunk. fork()
// shares all chunks with another cache, so that a common beginning is computed and held once.
class KvCache {
 public:
  // A run of tokens, all layers. keys, values (heads, length, head_dim), views.
  struct Part {
    at::Tensor keys, values;
  };

  // capacity: tokens for which memory is taken at once (0: with the first token).
  explicit KvCache(const KvShape& shape, std::int64_t capacity = 0);
  KvCache(KvCache&&) noexcept = default;
  KvCache& operator=(KvCache&&) noexcept = default;
  KvCache(const KvCache&) = delete;
  KvCache& operator=(const KvCache&) = delete;

  // A cache that begins with all tokens of this one, and grows on its own, with memory for
  // `capacity` more. This one may grow, too.
  KvCache fork(std::int64_t capacity = 0) const;

  const KvShape& shape() const { return shape_; }
  std::int64_t length() const { return length_; }
  std::int64_t bytes() const;  // of the chunks, shared ones included

  // Makes room for `tokens` more, in one chunk: the memory of a pass is taken once, before it.
  void reserve(std::int64_t tokens);

  // What a pass appends: reserve, write (heads, tokens, head_dim) of every layer, advance once. All
  // of it lies in one part. Throws InputError (another shape, type or device, no room).
  void write(std::int64_t layer, const at::Tensor& keys, const at::Tensor& values);
  void advance(std::int64_t tokens);

  // The tokens of a layer in order; `pending`: with so many that are written but not advanced over.
  std::vector<Part> parts(std::int64_t layer, std::int64_t pending = 0) const;
  // The same as pointers, which live as long as the cache does.
  kernels::KeyRuns runs(std::int64_t layer, std::int64_t pending = 0) const;

 private:
  struct Chunk {
    at::Tensor data;  // (layers, 2, heads, capacity, head_dim)
    std::int64_t capacity = 0;
  };
  struct Run {
    std::shared_ptr<const Chunk> chunk;
    std::int64_t length = 0;  // tokens of the chunk that belong to this cache
    bool own = false;         // this cache may append to it
  };

  std::int64_t room() const;

  KvShape shape_;
  std::int64_t length_ = 0;
  std::vector<Run> runs_;
};

}  // namespace vega
