// Pictures with Exif data, made byte by byte.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace vega::test {

// TIFF data with one entry: the orientation.
inline std::string exif_data(int orientation, bool big_endian = false) {
  const auto two = [&](int v) {
    return big_endian ? std::string{char(v >> 8), char(v)} : std::string{char(v), char(v >> 8)};
  };
  const auto four = [&](int v) {
    return big_endian ? two(v >> 16) + two(v & 0xffff) : two(v & 0xffff) + two(v >> 16);
  };
  return (big_endian ? "MM" : "II") + two(42) + four(8) + two(1) + two(274) + two(3) + four(1) +
         two(orientation) + two(0) + four(0);
}

// The JPEG with `body` as APP1 segment behind its first marker, after an APP0 of 4 bytes.
inline std::vector<std::byte> jpeg_with_app1(std::span<const std::byte> jpeg,
                                             const std::string& body) {
  const auto length = body.size() + 2;
  const std::string segments =
      std::string("\xff\xe0\0\4xx\xff\xe1", 8) + char(length >> 8) + char(length) + body;
  std::vector<std::byte> out(jpeg.begin(), jpeg.begin() + 2);
  const auto bytes = std::as_bytes(std::span(segments));
  out.insert(out.end(), bytes.begin(), bytes.end());
  out.insert(out.end(), jpeg.begin() + 2, jpeg.end());
  return out;
}

inline std::vector<std::byte> jpeg_with_exif(std::span<const std::byte> jpeg,
                                             const std::string& exif) {
  return jpeg_with_app1(jpeg, std::string("Exif\0\0", 6) + exif);
}

inline std::vector<std::byte> jpeg_with_xmp(std::span<const std::byte> jpeg,
                                            const std::string& xmp) {
  return jpeg_with_app1(jpeg, std::string("http://ns.adobe.com/xap/1.0/\0", 29) + xmp);
}

}  // namespace vega::test
