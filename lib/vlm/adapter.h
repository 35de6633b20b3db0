// LoRA folders over a checkpoint: those of PEFT, and those of LLaVA, where the parts that were
// trained whole lie beside the adapter in non_lora_trainables.bin.
// Source: huggingface/peft (LoraConfig, tuners/lora/layer.py); LLaVA, builder.py.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "base/dtype.h"
#include "weights/tensor_set.h"

namespace vega::vlm {

inline constexpr auto kAdapterConfig = "adapter_config.json";
inline constexpr auto kWholeTensors = "non_lora_trainables.bin";

struct Adapter {
  std::filesystem::path folder, base;  // base: as the file names it; may be empty
  double alpha = 0;
  bool rank_stabilised = false;  // use_rslora: scale alpha / sqrt(r) instead of alpha / r

  double scale(std::int64_t rank) const;
};

// Reads adapter_config.json. Every key that changes numbers is honoured or refused. Throws
// InputError (a setting that vega does not compute), FormatError.
Adapter read_adapter(const std::filesystem::path& folder);

// The base's tensors with W + scale * B A for every pair of the adapter, computed in float32 and
// rounded to `type` once; tensors that the adapter's files hold whole replace those of the base.
// Throws FormatError: half a pair, shapes that do not fit, a pair for a tensor that is not there;
// LLaVA's folder (it has a config.json) without non_lora_trainables.bin.
TensorSet merge_adapter(const TensorSet& base, const Adapter& adapter, DType type);

// Rows of an embedding or a head brought to `rows`, as training did: spare ones are cut, then each
// row of `added` (ids, ascending) is the mean of all rows before it. Float32.
TensorSet with_rows(const TensorSet& set, const std::string& name, std::int64_t rows,
                    std::span<const std::int64_t> added);

}  // namespace vega::vlm
