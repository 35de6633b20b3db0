// A Qwen2 decoder: token ids or embeddings in, hidden states and logits out, with a cache of keys
// and values for the tokens seen so far.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/row_linear.h"
#include "models/qwen2/config.h"
#include "models/qwen2/step_graph.h"
#include "nn/kv_cache.h"
#include "nn/rope.h"
#include "weights/tensor_set.h"

namespace vega::qwen2 {

// Where in a checkpoint the decoder lies.
struct Source {
  std::string where;              // the file or folder, for messages
  std::string prefix = "model.";  // of all tensors but the head
  std::string head = "lm_head.weight";
  // Names below the prefix that belong to other parts of a larger model.
  std::function<bool(std::string_view)> tolerated;
};

struct Options {
  at::Device device{at::kCPU};
  at::ScalarType dtype = at::kFloat;  // float or bfloat16: of weights, hidden states and cache
  // Tokens of keys and values for which there must be memory beside the weights.
  std::int64_t cache_tokens = 0;
  bool graphs = true;  // on CUDA: steps are recorded; false: for comparisons
};

// All functions are safe from several threads on the CPU, each thread with caches of its own.
class Decoder {
 public:
  // Takes the tensors strictly. On the CPU a tensor of the type asked for stays in the mapped file;
  // others are converted or brought to the device.
  // Throws FormatError (tensors that are missing, unknown, of another shape or type; no head where
  // config.tied is false; a head unlike the embedding where it is true), InputError with the
  // figures when weights and cache do not fit the memory, before a weight is read.
  Decoder(const TensorSet& set, const Config& config, const Source& source, const Options& options);

  const Config& config() const { return config_; }
  const Options& options() const { return options_; }

  // A cache without tokens, with memory for so many; it grows beyond (nn/kv_cache.h).
  KvCache new_cache(std::int64_t tokens = 0) const;

  // ids (L) int64 -> (L, H) of the model's type, on its device. Throws InputError (an id outside of
  // the vocabulary).
  at::Tensor embed(std::span<const std::int64_t> ids) const;

  // embeddings (L, H) of the model's type, on its device; positions (L) or (3, L) int64 on the CPU,
  // the latter where config.three_components(). The tokens follow those of the cache, which takes
  // in their keys and values, and see these and each other causally.
  // Returns (L, H): hidden states after the last norm; last_only: (1, H), that of the last token.
  at::Tensor forward(const at::Tensor& embeddings, const at::Tensor& positions, KvCache& cache,
                     bool last_only = false) const;

  // One token of each of B sequences. embeddings (B, H), positions (B) or (3, B), B different
  // caches of new_cache(). Returns (B, H). Throws InputError, as forward() does. A row's bits do
  // not depend on the other rows: on the CPU in both types, on CUDA in float and, up to 8 rows, in
  // bfloat16; with more rows the last bits may depend on B there. On CUDA the work of a step is
  // recorded in a CUDA graph and queued as a whole (step_graph.h).
  at::Tensor step(const at::Tensor& embeddings, const at::Tensor& positions,
                  std::span<KvCache* const> caches) const;

  // hidden (..., H) -> (..., vocab) float32: the product in the model's type, widened, as released.
  at::Tensor logits(const at::Tensor& hidden) const;

  // Bytes of weights that were converted or brought to a device; the rest lies in the mapped files.
  std::int64_t copied_bytes() const { return copied_bytes_; }

  // Bytes of the weights in the model's type, and of the keys and values of one token.
  static double weight_bytes(const Config& config, at::ScalarType dtype);
  static double token_bytes(const Config& config, at::ScalarType dtype);

 private:
  struct Layer {
    at::Tensor input_norm, post_norm;
    kernels::Matrix q, k, v, o, gate, up, down;
  };

  void take(const Source& source);
  at::Tensor placed(const TensorView& view);
  KvShape cache_shape() const;
  void check_memory(const std::string& where) const;
  void check_pass(const char* op, const at::Tensor& embeddings, const at::Tensor& positions) const;
  // Attention of a layer, by its number, out of normed hidden states (rows, H).
  using Attend =
      std::function<at::Tensor(const Layer& layer, std::int64_t index, const at::Tensor& normed)>;
  at::Tensor attend(const Layer& layer, std::int64_t index, const at::Tensor& normed,
                    const RopeTable& rope, std::span<KvCache* const> caches, bool few) const;
  at::Tensor attend_by_table(const Layer& layer, std::int64_t index, const at::Tensor& normed,
                             const StepInputs& inputs) const;
  at::Tensor feed_forward(const Layer& layer, const at::Tensor& normed, bool few) const;
  at::Tensor run_layers(const at::Tensor& embeddings, const Attend& attend, bool few,
                        bool last_only) const;
  RopeTable rope_of(const at::Tensor& positions, at::Device device) const;
  at::Tensor run(const at::Tensor& embeddings, const at::Tensor& positions,
                 std::span<KvCache* const> caches, bool few, bool last_only) const;

  TensorSet set_;  // keeps the mappings alive
  Config config_;
  Options options_;
  std::int64_t copied_bytes_ = 0;
  at::Tensor embedding_, norm_, head_;
  std::vector<Layer> layers_;
  std::shared_ptr<StepGraphs> steps_;  // on CUDA
};

}  // namespace vega::qwen2
