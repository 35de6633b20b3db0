// Writer of zip-format .pth / .pt files that torch.load(weights_only=True) reads.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "weights/safetensors_writer.h"

namespace vega {

// Takes the next bytes of a tensor.
using ByteSink = std::function<void(std::span<const std::byte>)>;

// One tensor to write: `fill` is called once and hands the bytes (C order) to the sink in as many
// pieces as it likes.
struct TorchEntry {
  TensorSpec spec;
  std::function<void(const ByteSink&)> fill;
};

// A dict[str, Tensor] in the order given (`ordered`: an OrderedDict, what state_dict() returns).
// Entries are stored, aligned to 64 bytes, checked by CRC-32, zip64 where needed. Equal input gives
// equal bytes. Throws InputError (duplicate name, wrong number of bytes), OutputError.
void write_torch_file(const std::filesystem::path& path, const std::vector<TorchEntry>& entries,
                      bool ordered = false);

// A single tensor at the top level (its name is not stored). Throws likewise.
void write_torch_tensor(const std::filesystem::path& path, const TorchEntry& entry);

// From memory; the views must live during the call.
void write_torch_file(const std::filesystem::path& path,
                      const std::map<std::string, TensorView>& tensors, bool ordered = false);
void write_torch_tensor(const std::filesystem::path& path, const TensorView& tensor);

}  // namespace vega
