// Writes zip archives with stored entries, their data aligned so that they can be mapped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/publish.h"

namespace vega {

// Entries one after the other, then publish. Sizes are declared before the data, CRC-32 is filled
// in afterwards; zip64 fields appear where 32 bits do not hold. Times are fixed.
// Throws InputError (wrong number of bytes), OutputError.
class ZipWriter {
 public:
  explicit ZipWriter(std::filesystem::path path) : part_(std::move(path)) {}

  using Sink = std::function<void(std::span<const std::byte>)>;
  void add(const std::string& name, std::uint64_t size,
           const std::function<void(const Sink&)>& fill);
  void add(const std::string& name, std::string_view text);

  void publish();

 private:
  struct Entry {
    std::string name;
    std::uint64_t header = 0, size = 0;
    std::uint32_t crc = 0;
  };
  void write_end(std::uint64_t begin, std::uint64_t size);

  PartFile part_;
  std::uint64_t at_ = 0;
  std::vector<Entry> entries_;
};

}  // namespace vega
