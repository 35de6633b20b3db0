// A file mapped read-only: weights are paged in by the system, never copied.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>

namespace vega {

// The mapping lives as long as the object. The file must not shrink meanwhile (the system then
// sends SIGBUS); vega's own writers rename whole files into place and never do that.
class MappedFile {
 public:
  // Throws InputError (path, reason, remedy) when `path` is missing, unreadable or not a plain
  // file. An empty file gives empty bytes.
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  static std::shared_ptr<const MappedFile> open(const std::filesystem::path& path) {
    return std::make_shared<const MappedFile>(path);
  }

  // Whether the file of this path is still the one that was mapped last under it: same device,
  // inode, size and times. True where none was.
  static bool is_current(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  std::span<const std::byte> bytes() const { return {data_, size_}; }
  std::string_view text() const { return {reinterpret_cast<const char*>(data_), size_}; }

 private:
  std::filesystem::path path_;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace vega
