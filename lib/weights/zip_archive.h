// The zip container of .pth files, read from a mapping.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/mapped_file.h"

namespace vega {

// The directory of an archive. Knows zip64, stored entries (mapped, not copied) and small deflated
// ones; refuses encryption, other compression, several disks, duplicate names, anything out of
// bounds, and bytes before the first record or behind the directory, as in two archives that were
// joined: only the second one's records would be read.
// Throws FormatError (file, entry, got, expected, remedy).
// Source: PKWARE APPNOTE.TXT 6.3, sections 4.3.7 to 4.3.16 and 4.5.3.
class ZipArchive {
 public:
  explicit ZipArchive(std::shared_ptr<const MappedFile> file);

  // The file begins like a zip archive.
  static bool is_zip(std::span<const std::byte> bytes);

  struct Entry {
    std::uint64_t header = 0;  // offset of the local header
    std::uint64_t packed = 0, size = 0;
    std::uint32_t crc = 0;
    std::uint16_t method = 0;
  };
  const std::map<std::string, Entry>& entries() const { return entries_; }

  // The bytes of an entry and what keeps them alive. Deflated entries are inflated, up to 64 MiB in
  // all over the life of this object. `check_crc` reads all bytes: meant for small entries;
  // inflated ones are always checked.
  struct Record {
    std::span<const std::byte> bytes;
    std::shared_ptr<const void> owner;
  };
  Record read(const std::string& name, bool check_crc) const;

  // Compares the CRC-32 of an entry with the directory's, the first time it is asked (about 2
  // GB/s). Thread-safe.
  void verify(const std::string& name) const;

 private:
  void read_directory();
  std::size_t read_entry(std::size_t at, std::size_t end);
  Record inflate(const std::string& name, const Entry& entry,
                 std::span<const std::byte> packed) const;
  // remedy: empty for that of a damaged file.
  [[noreturn]] void fail(const std::string& entry, const std::string& got,
                         const std::string& expected, const std::string& remedy = {}) const;

  std::shared_ptr<const MappedFile> file_;
  std::map<std::string, Entry> entries_;
  mutable std::atomic<std::uint64_t> inflated_{0};  // bytes so far
  mutable std::mutex mutex_;
  mutable std::set<std::string> verified_;
};

}  // namespace vega
