// Numbers and texts at places of a file, for the readers of containers beside it.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <string_view>

namespace vega {

using FileSize = std::uint64_t;
inline constexpr FileSize kUnknownSize = std::numeric_limits<FileSize>::max();

// What lies behind the end of the file reads as 0, and so does a file that cannot be read.
class FileBytes {
 public:
  explicit FileBytes(const std::filesystem::path& path);

  FileSize size() const { return size_; }
  std::string text(FileSize at, std::size_t count);
  FileSize big(FileSize at, std::size_t count);     // big-endian, at most 8 bytes
  FileSize little(FileSize at, std::size_t count);  // little-endian, at most 8 bytes

 private:
  // Small, because most reads are heads with much content between them.
  std::array<char, 1024> window_{};
  FileSize window_at_ = 0, window_bytes_ = 0;
  std::ifstream file_;
  FileSize size_ = 0;
};

// An element of EBML, which Matroska and WebM are made of: id, size, content.
struct EbmlElement {
  FileSize id = 0;                // 0: no element begins there, or the file ends in its head
  FileSize content = 0, end = 0;  // offsets; end: kUnknownSize where the size is not stated
};

// Source: RFC 8794, 4 and 5.
EbmlElement ebml_element(FileBytes& file, FileSize at);

// Ids of RFC 9559.
inline constexpr FileSize kEbmlHead = 0x1a45dfa3, kSegmentId = 0x18538067, kClusterId = 0x1f43b675;

// The GUID that an ASF file (WMV) begins with.
inline constexpr std::string_view kAsfHeaderGuid(
    "\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c", 16);

}  // namespace vega
