// A Qwen2 decoder that trains: the arithmetic of qwen2::Decoder with gradients, without a cache,
// for several questions behind one shared beginning.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "models/qwen2/config.h"
#include "models/qwen2/layer_values.h"
#include "nn/linear_loss.h"
#include "nn/lora.h"
#include "nn/packed_attention.h"
#include "nn/weight_table.h"

namespace vega::qwen2 {

// Below the prefix: trained rows of the embedding of new tokens, (n, H).
inline constexpr std::string_view kNewRows = "embed_tokens.new_rows";

struct TrainDecoderOptions {
  at::ScalarType dtype = at::kFloat;  // what it computes in: float, bfloat16; double in tests
  bool recompute = true;              // a layer's inner values are computed again (nn/recompute.h)
  std::optional<LoraConfig> lora;     // required where the table has adapters of the decoder
  // The tokens of the rows of kNewRows, where the table has it. These rows take the place of the
  // embedding's, and of the head's where config.tied.
  std::vector<std::int64_t> new_ids;
};

// The linears of all layers, in the order of the file (q, k, v, o, gate, up, down), by full name.
std::vector<LoraTarget> lora_targets(const Config& config, std::string_view prefix = "model.");

class TrainDecoder {
 public:
  // weights: those of decoder_tensors(config) below `prefix`, the head by its full name (not needed
  // where config.tied), adapters where options.lora (lora_a_name; a linear may lack them). The
  // tensors are shared, not copied: an optimiser's in-place step is seen by the next pass.
  // Throws InputError (a tensor that is missing or of another shape, an adapter without
  // options.lora, new rows and new_ids that do not fit).
  TrainDecoder(const Config& config, const WeightTable& weights, const std::string& prefix,
               const std::string& head, TrainDecoderOptions options);

  const Config& config() const { return config_; }
  const TrainDecoderOptions& options() const { return options_; }

  // The trained tensors of each layer, and behind them those of the head: one, or none where it is
  // the embedding or does not train.
  std::vector<std::vector<at::Tensor>> leaves() const;
  // From now on the values of leaves() are those of `source`, which outlives the decoder's graphs;
  // gradients go to the leaves as before, bit for bit. With `recompute` alone.
  void take_values_from(LayerValues& source);

  // ids (L) -> (L, H) of the compute type. Differentiable in the embedding and the new rows, where
  // they are trained. Throws InputError (an id outside of the vocabulary).
  at::Tensor embed(std::span<const std::int64_t> ids) const;

  // embeddings (L, H) of the compute type, L = layout.tokens(); positions (L) int64 on the CPU, or
  // (3, L) where config.three_components(): a question's positions say where it begins, usually at
  // layout.prefix, every one again. Returns (L, H) of the compute type, after the last norm.
  // key: masks of the adapters' dropout; null: none. Throws InputError (shape, dtype, layout).
  at::Tensor forward(const at::Tensor& embeddings, const at::Tensor& positions,
                     const PackedLayout& layout, const DropoutKey* key = nullptr) const;

  // The cross-entropy of next tokens through the head (nn/linear_loss.h): hidden (n, H) of
  // forward(), targets (n) int64 and weights (n) on its device.
  LinearLoss loss(const at::Tensor& hidden, const at::Tensor& targets, const at::Tensor& weights,
                  std::int64_t block_rows = 0) const;

 private:
  struct Layer {
    at::Tensor input_norm, post_norm;
    LoraLinear q, k, v, o, gate, up, down;
  };
  struct Pass;

  Layer take_layer(const WeightTable& weights, const std::string& name) const;
  void take_new_rows(const WeightTable& weights, const std::string& prefix);
  void check_pass(const at::Tensor& embeddings, const at::Tensor& positions,
                  const PackedLayout& layout) const;
  static at::Tensor run_layer(const Layer& layer, const at::Tensor& x, const Pass& pass);

  Config config_;
  TrainDecoderOptions options_;
  at::Tensor embedding_, norm_, head_, new_rows_, new_ids_;
  std::vector<Layer> layers_;
  LayerValues* source_ = nullptr;
};

}  // namespace vega::qwen2
