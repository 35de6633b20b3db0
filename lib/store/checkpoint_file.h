// Files of named tensors, schema vega.checkpoint/1: what training saves of a model and of its
// optimiser. Layout: docs/formats.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "store/h5.h"

namespace vega {

inline constexpr const char* kCheckpointSchema = "vega.checkpoint/1";

// What a file holds, and of which run it is.
struct CheckpointInfo {
  std::string content;            // "model", "optimizer"
  std::int64_t part = 0, of = 1;  // which of how many files of this content
  std::int64_t step = 0;
  std::string run;  // identity of the run: XXH3-128 of its run.json; empty: none (imported)
};

// Writes all tensors (of any element type of base/dtype.h, as their bytes lie in memory), reads
// them back, compares, syncs and renames. `tensors` may be empty. Throws InputError (a name that is
// empty, or holds '/' or a zero byte), OutputError: nothing is left behind then, and an older file
// stays.
void write_checkpoint_file(const std::filesystem::path& path, const CheckpointInfo& info,
                           const std::map<std::string, TensorView>& tensors);

// One complete file. Values are read when they are asked for.
class CheckpointFile {
 public:
  // Reads names, types and shapes. Throws FormatError (another schema, incomplete, damaged).
  explicit CheckpointFile(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return file_.path(); }
  const CheckpointInfo& info() const { return info_; }

  struct Entry {
    DType dtype = DType::kF32;
    Shape shape;
  };
  const std::map<std::string, Entry>& entries() const { return entries_; }

  // The view stays valid as long as the owner lives.
  struct Tensor {
    TensorView view;
    std::shared_ptr<const void> owner;
  };
  // Reads one tensor and compares its checksums. Throws FormatError (damaged, no such tensor).
  Tensor read(const std::string& name) const;
  std::map<std::string, Tensor> read_all() const;

 private:
  h5::File file_;
  CheckpointInfo info_;
  std::map<std::string, Entry> entries_;
};

}  // namespace vega
