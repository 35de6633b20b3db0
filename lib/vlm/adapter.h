// LoRA folders over a checkpoint: those of PEFT, and those of LLaVA, where the parts that were
// trained whole lie beside the adapter in non_lora_trainables.bin.
// Source: huggingface/peft (LoraConfig, tuners/lora/layer.py); LLaVA, builder.py.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "vlm/changes.h"
#include "weights/tensor_set.h"

namespace vega::vlm {

inline constexpr auto kAdapterConfig = "adapter_config.json";
inline constexpr auto kWholeTensors = "non_lora_trainables.bin";

struct Adapter : LoraScales {
  std::filesystem::path folder, base;  // base: as the file names it; may be empty
  double dropout = 0;                  // of training
  // modules_to_save: modules that the adapter's file holds whole.
  std::vector<std::string> whole;
  bool biases = false;  // bias is not "none": biases of the base were trained as well
  // trainable_token_indices: ids by the name of the embedding's module ("embed_tokens").
  std::map<std::string, std::vector<std::int64_t>> tokens;
  bool tied = false;  // ensure_weight_tying
};

// Reads adapter_config.json. Every key that changes numbers is honoured or refused, and so is a key
// that vega does not know, unless its value is null, false or empty. Throws InputError (a setting
// that vega does not compute), FormatError.
Adapter read_adapter(const std::filesystem::path& folder);

// What the adapter's files hold, ready to be applied to its base. has_head: the base has a head of
// its own (lm_head.weight); where it is the embedding, changes of only one of the two are refused.
// Throws FormatError: a pair of another rank than the config says, tensors that the config asks for
// and the files lack; LLaVA's folder (it has a config.json) without non_lora_trainables.bin.
Changes adapter_changes(const Adapter& adapter, bool has_head);

// The base's tensors with those of the adapter (apply_changes). pairs: false leaves the decoder's
// out. Throws like both.
TensorSet merge_adapter(const TensorSet& base, const Adapter& adapter, DType type,
                        bool pairs = true);

// Rows of an embedding or a head brought to `rows`, as training did: spare ones are cut, then each
// row of `added` (ids, ascending) is the mean of all rows before it. Float32.
TensorSet with_rows(const TensorSet& set, const std::string& name, std::int64_t rows,
                    std::span<const std::int64_t> added);

}  // namespace vega::vlm
