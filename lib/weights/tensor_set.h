// Named tensors of one checkpoint, whatever files they came from.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/dtype.h"

namespace vega {

// Views stay valid as long as this set, a copy of it, or the owner of the tensor lives. Copies are
// cheap: they share the mappings.
class TensorSet {
 public:
  // Keeps a mapping or a buffer alive.
  using Owner = std::shared_ptr<const void>;

  // Compares bytes with a checksum of the file; throws FormatError when they differ.
  using Check = std::function<void()>;

  // Adds one tensor. Throws FormatError (file, tensor, the other file) when the name is taken.
  // `owner` may be null for memory that outlives the set, `check` where there is no checksum.
  void add(std::string name, TensorView view, Owner owner, const std::filesystem::path& file,
           Check check = {});

  // Notes a tensor of an element type or kind that is not read ("F8_E4M3", "complex64", "a sparse
  // tensor"). It is in the way only of who asks for it. Throws like `add`.
  void add_unreadable(const std::string& name, std::string type, const std::filesystem::path& file);

  // Takes over all tensors and metadata of `other`. Throws FormatError on a name in both; of
  // metadata keys in both the first stays.
  void merge(const TensorSet& other);

  // Null when there is no such tensor, or when it is not readable.
  const TensorView* find(const std::string& name) const;

  // Throws FormatError naming the tensor and the files searched, or its type where that is not
  // read.
  const TensorView& at(const std::string& name) const;

  // Sorted by byte value.
  std::vector<std::string> names() const;
  const std::map<std::string, TensorView>& tensors() const { return tensors_; }
  std::size_t size() const { return tensors_.size(); }

  // Name and type of the tensors that are not readable; they are in no other list.
  const std::map<std::string, std::string>& unreadable() const { return unreadable_; }

  // Compares the bytes of a tensor with the checksum that its file has of them (zip archives), by
  // reading them once. Throws FormatError (a wrong CRC-32), and like `at`.
  void verify(const std::string& name) const;

  // The file a tensor came from, and what keeps its bytes alive. Throw FormatError like `at`.
  const std::filesystem::path& origin(const std::string& name) const;
  const Owner& owner(const std::string& name) const;

  // Files that were read, each once, in reading order; also those without tensors.
  const std::vector<std::filesystem::path>& files() const { return files_; }
  void add_file(const std::filesystem::path& file);

  // `__metadata__` of safetensors; empty for other formats.
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  void add_metadata(const std::string& key, const std::string& value);

 private:
  struct Source {
    Owner owner;
    std::filesystem::path file;
    Check check;
  };
  const Source& source(const std::string& name) const;
  void add_source(const std::string& name, Source source);
  [[noreturn]] void fail_missing(const std::string& name) const;

  std::map<std::string, TensorView> tensors_;
  std::map<std::string, std::string> unreadable_;
  std::map<std::string, Source> sources_;  // of both
  std::vector<std::filesystem::path> files_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace vega
