// Streaming writers of safetensors files: no tensor needs to be in memory whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "base/publish.h"

namespace vega {

// What is declared before any data is written.
struct TensorSpec {
  std::string name;
  DType dtype = DType::kF32;
  Shape shape;
};

// One file. Tensors lie ordered by element size (largest first), then by name, as the reference
// implementation does: all data is aligned and equal input gives equal bytes. The header is padded
// with spaces to 8 bytes.
class SafetensorsWriter {
 public:
  // Throws InputError (duplicate or reserved name, bad shape), OutputError.
  SafetensorsWriter(std::filesystem::path path, const std::vector<TensorSpec>& tensors,
                    const std::map<std::string, std::string>& metadata = {});
  ~SafetensorsWriter();
  SafetensorsWriter(const SafetensorsWriter&) = delete;
  SafetensorsWriter& operator=(const SafetensorsWriter&) = delete;

  // Appends a piece of a tensor. Tensors may come in any order and interleaved. Throws InputError
  // (unknown name, more bytes than declared), OutputError.
  void write(const std::string& name, std::span<const std::byte> piece);

  // Makes the file appear. Throws InputError naming a tensor that is not complete, OutputError.
  void publish();

 private:
  struct Slot {
    std::uint64_t begin = 0, size = 0, written = 0;
  };
  std::map<std::string, Slot> slots_;
  PartFile part_;
};

// A checkpoint in shards STEM-0000k-of-0000n.safetensors and STEM.safetensors.index.json; when it
// fits one shard, STEM.safetensors without index. Shards are filled in the order of declaration;
// a tensor larger than the limit gets a shard of its own.
class ShardedWriter {
 public:
  // max_shard_bytes: bytes of tensor data a file. Throws like SafetensorsWriter.
  ShardedWriter(std::filesystem::path folder, std::string stem,
                const std::vector<TensorSpec>& tensors, std::uint64_t max_shard_bytes,
                const std::map<std::string, std::string>& metadata = {});
  ~ShardedWriter();
  ShardedWriter(const ShardedWriter&) = delete;
  ShardedWriter& operator=(const ShardedWriter&) = delete;

  void write(const std::string& name, std::span<const std::byte> piece);

  // Shards first, the index last; an index left by an earlier sharding is removed when there is
  // only one shard now. Returns the files written. Throws like SafetensorsWriter::publish.
  std::vector<std::filesystem::path> publish();

 private:
  std::filesystem::path folder_;
  std::string stem_;
  std::uint64_t total_bytes_ = 0;
  std::vector<std::filesystem::path> paths_;
  std::vector<std::unique_ptr<SafetensorsWriter>> shards_;
  std::map<std::string, std::size_t> shard_of_;
};

// A whole set from memory. Throws InputError, OutputError.
void write_safetensors(const std::filesystem::path& path,
                       const std::map<std::string, TensorView>& tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace vega
