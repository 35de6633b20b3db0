// Shared by the sources of this folder: error messages and little-endian fields.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "base/printable.h"

namespace vega::weights_detail {

static_assert(std::endian::native == std::endian::little, "files are mapped as they are");

using vega::printable;

// "FILE: tensor 'NAME'".
std::string where(const std::filesystem::path& file, std::string_view tensor);

// Throws FormatError(explain(...)).
[[noreturn]] void fail(const std::string& where, const std::string& got,
                       const std::string& expected, const std::string& remedy);

// The file is of another kind, such as a Git LFS pointer: FormatError with its name and remedy
// (base/file_kind.h).
[[noreturn]] void fail_kind(const std::string& where, std::span<const std::byte> bytes,
                            const std::string& expected);

// The remedy for a damaged download.
inline constexpr const char* kFetchAgain = "fetch the file again and compare its checksum";

// A little-endian integer at `offset`; the caller has checked the bounds.
template <typename T>
T load(std::span<const std::byte> bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

// Writes all bytes at `offset` of an open file. Throws OutputError (path, reason, remedy).
void write_at(int descriptor, const std::filesystem::path& path, std::span<const std::byte> bytes,
              std::uint64_t offset);

inline std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

}  // namespace vega::weights_detail
