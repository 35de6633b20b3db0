// Zip archives made byte by byte, right or with lies in them.
#pragma once

#include <zlib.h>

#include <catch2/catch.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "pickles.h"

namespace vega::test {

inline std::string deflated(const std::string& text) {
  std::string out(text.size() + text.size() / 100 + 100, '\0');
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

struct ZipRecord {
  std::string name, text;
  bool deflate = false;
  std::int64_t size_shift = 0;  // lies about the size
  std::uint32_t crc_flip = 0;   // and the checksum
  int method = -1;              // what the headers name instead, 12 for bzip2
};

inline std::string zip(const std::vector<ZipRecord>& records) {
  std::string out, directory;
  for (const ZipRecord& r : records) {
    const std::string packed = r.deflate ? deflated(r.text) : r.text;
    const auto method = static_cast<std::uint64_t>(r.method >= 0 ? r.method : r.deflate ? 8 : 0);
    const auto crc = static_cast<std::uint32_t>(
                         crc32_z(0, reinterpret_cast<const Bytef*>(r.text.data()), r.text.size())) ^
                     r.crc_flip;
    const auto size =
        static_cast<std::uint64_t>(static_cast<std::int64_t>(r.text.size()) + r.size_shift);
    const std::string fields = le(20, 2) + le(0, 2) + le(method, 2) + le(0, 4) + le(crc, 4) +
                               le(packed.size(), 4) + le(size, 4) + le(r.name.size(), 2) + le(0, 2);
    directory += le(0x02014b50, 4) + le(20, 2) + fields + le(0, 2) + le(0, 2) + le(0, 2) +
                 le(0, 4) + le(out.size(), 4) + r.name;
    out += le(0x04034b50, 4) + fields + r.name + packed;
  }
  const auto begin = out.size();
  return out + directory + le(0x06054b50, 4) + le(0, 4) + le(records.size(), 2) +
         le(records.size(), 2) + le(directory.size(), 4) + le(begin, 4) + le(0, 2);
}

}  // namespace vega::test
