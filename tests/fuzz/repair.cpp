#include "fuzz/repair.h"

#include <zlib.h>

#include <cstdint>
#include <cstring>

namespace vega::fuzz {
namespace {

std::uint32_t crc_of(const std::vector<std::byte>& bytes, std::size_t begin, std::size_t size) {
  return static_cast<std::uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data() + begin), size));
}

std::size_t little(const std::vector<std::byte>& bytes, std::size_t at, int count) {
  std::size_t value = 0;
  for (int i = 0; i < count; ++i) value |= std::size_t(bytes[at + std::size_t(i)]) << (8 * i);
  return value;
}

}  // namespace

std::vector<std::byte> with_right_zip_sums(std::span<const std::byte> zip) {
  constexpr std::size_t kCentral = 46, kLocal = 30;
  std::vector<std::byte> out(zip.begin(), zip.end());
  for (std::size_t at = 0; at + kCentral <= out.size(); ++at) {
    if (std::memcmp(out.data() + at, "PK\1\2", 4) != 0) continue;
    const std::size_t size = little(out, at + 20, 4), header = little(out, at + 42, 4);
    if (little(out, at + 10, 2) != 0 || header + kLocal > out.size()) continue;
    const std::size_t begin =
        header + kLocal + little(out, header + 26, 2) + little(out, header + 28, 2);
    if (begin > out.size() || size > out.size() - begin) continue;
    const std::uint32_t crc = crc_of(out, begin, size);
    std::memcpy(out.data() + at + 16, &crc, 4);
  }
  return out;
}

std::vector<std::byte> with_right_png_sums(std::span<const std::byte> png) {
  std::vector<std::byte> out(png.begin(), png.end());
  for (std::size_t at = 8; at + 12 <= out.size();) {
    std::size_t size = 0;
    for (std::size_t i = 0; i < 4; ++i) size = size << 8 | std::size_t(out[at + i]);
    if (size > out.size() - at - 12) break;
    const std::uint32_t crc = crc_of(out, at + 4, size + 4);
    for (std::size_t i = 0; i < 4; ++i) {
      out[at + 8 + size + i] = static_cast<std::byte>(crc >> (24 - 8 * i));
    }
    at += 12 + size;
  }
  return out;
}

}  // namespace vega::fuzz
