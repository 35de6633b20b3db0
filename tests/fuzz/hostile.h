// Hostile pieces of files, for seeds and unit tests.
#pragma once

#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace vega::fuzz {

// Little-endian and big-endian, `bytes` wide.
inline std::string little(std::uint64_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
  return out;
}
inline std::string big(std::uint64_t value, int bytes) {
  std::string out;
  for (int i = bytes; i-- > 0;) out += static_cast<char>(value >> (8 * i));
  return out;
}
inline std::string repeat(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

// A chunk of a PNG with its checksum.
inline std::string png_chunk(const std::string& name, const std::string& data) {
  const std::string body = name + data;
  const auto crc = crc32_z(0, reinterpret_cast<const Bytef*>(body.data()), body.size());
  return big(data.size(), 4) + body + big(crc, 4);
}

// A grey progressive JPEG of w x h: one DC scan, then `scans` refinements of nothing, each an
// end-of-band run over all blocks.
inline std::string many_scans_jpeg(int w, int h, std::size_t scans) {
  const std::string segment_sof = "\xff\xc2" + big(11, 2) + "\x08" + big(std::uint64_t(h), 2) +
                                  big(std::uint64_t(w), 2) + std::string("\x01\x01\x11\x00", 4);
  const std::string quant = std::string("\xff\xdb\x00\x43\x00", 5) + repeat("\x01", 64);
  // One code of one bit a table: DC size 0; AC end-of-band run 0 (one block).
  const auto table = [](char id) {
    return std::string("\xff\xc4\x00\x14", 4) + id + "\x01" + std::string(15, 0) +
           std::string(1, 0);
  };
  const auto scan = [](int first, int last, std::size_t blocks) {
    const std::string data(blocks / 8 + 1, 0);  // a zero bit a block
    return std::string("\xff\xda\x00\x08\x01\x01\x00", 7) + static_cast<char>(first) +
           static_cast<char>(last) + std::string(1, 0) + data;
  };
  const auto blocks = std::size_t((w + 7) / 8) * std::size_t((h + 7) / 8);
  std::string out = "\xff\xd8" + quant + segment_sof + table('\x00') + table('\x10');
  out += scan(0, 0, blocks);
  for (std::size_t i = 0; i < scans; ++i) out += scan(1, 63, blocks);
  return out + "\xff\xd9";
}

}  // namespace vega::fuzz
