// Reader of the safetensors format, strict: whatever is not exactly a valid file is refused.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "weights/tensor_set.h"

namespace vega {

// Maps the file; tensors are views of it (possibly unaligned). Element types F64 F32 F16 BF16 I64
// U64 I32 U32 I16 U16 I8 U8 BOOL. Offsets must tile the data exactly; names must be unique; the
// shape times the element size must equal the bytes. `__metadata__` (strings) is kept.
// Throws FormatError (file, tensor, got, expected, remedy), InputError when it cannot be opened.
// Source: the format section of huggingface/safetensors README.md.
TensorSet read_safetensors(const std::filesystem::path& path);

// The files that `read_sharded` reads, in order, each existing: those of
// STEM.safetensors.index.json where it exists, else STEM.safetensors and
// STEM-0000k-of-0000n.safetensors (all n must be there), else all STEM*.safetensors.
// With an index the first file listed is the index itself.
// Throws FormatError (broken index, missing shard, shard outside the folder), InputError (nothing
// found).
std::vector<std::filesystem::path> sharded_files(const std::filesystem::path& folder,
                                                 const std::string& stem);

// All tensors of a checkpoint in one or many safetensors files. With an index the map must be
// exact: a tensor that is named but not in its shard, or in a shard but not named, is an error.
// Throws like `sharded_files` and `read_safetensors`; a name in two files is a FormatError.
TensorSet read_sharded(const std::filesystem::path& folder, const std::string& stem);

}  // namespace vega
