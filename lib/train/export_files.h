// Files of an exported language model: tensors in the type that is asked for, configuration,
// tokeniser.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "base/json.h"
#include "vlm/checkpoint.h"
#include "weights/tensor_set.h"

namespace vega::train {

// A tensor on its way to a file: floating ones are converted while they are written.
struct Outgoing {
  std::string name;
  TensorView view;
};

// "bfloat16" or "float32", as configurations name it.
const char* torch_name(DType dtype);

// One .safetensors file. Throws OutputError, and so do the others.
void write_safetensors(const std::filesystem::path& path, const std::vector<Outgoing>& tensors,
                       DType dtype);
// .safetensors files of at most shard_bytes in `folder`, with their index.
void write_shards(const std::filesystem::path& folder, const std::vector<Outgoing>& tensors,
                  DType dtype, std::int64_t shard_bytes);
// One file as torch.save writes it.
void write_torch(const std::filesystem::path& path, const std::vector<Outgoing>& tensors,
                 DType dtype);

// config.json of what is exported: the type stands under the name that the base has for it.
Json exported_config(const vlm::VlmCheckpoint& checkpoint, DType dtype);

// Whether a file of this name belongs to a tokeniser.
bool is_tokenizer_file(const std::string& name);

// Copies tokeniser, generation_config.json and preprocessor_config.json, as far as they are there.
void copy_side_files(const vlm::VlmCheckpoint& checkpoint, const std::filesystem::path& folder);

}  // namespace vega::train
