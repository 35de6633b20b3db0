#include "media/pgm.h"

#include <cstdint>
#include <string>

#include "base/error.h"

namespace vega {
namespace {

constexpr std::string_view kExpected = "a binary PGM (P5) of 16 bits";

struct PgmHeader {
  ImageSize size;
  std::size_t end = 0;  // bytes of the header
};

PgmHeader read_header(std::span<const std::byte> bytes, std::string_view where) {
  if (!is_pgm(bytes)) throw FormatError(explain(where, "no PGM", kExpected));
  std::size_t at = 2;
  const auto next = [&] { return at < bytes.size() ? static_cast<char>(bytes[at]) : '\0'; };
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
  const auto number = [&] {
    while (blank(next()) || next() == '#') {
      if (next() == '#') {
        while (at < bytes.size() && next() != '\n') ++at;
      }
      ++at;
    }
    std::uint32_t value = 0;
    const std::size_t start = at;
    for (; next() >= '0' && next() <= '9' && at - start < 9; ++at)
      value = 10 * value + static_cast<std::uint32_t>(next() - '0');
    if (at == start) throw FormatError(explain(where, "a broken PGM header", kExpected));
    return value;
  };
  const std::uint64_t width = number(), height = number();
  const std::uint32_t most = number();
  if (width == 0 || height == 0 || width * height > std::uint64_t{kMostPixels}) {
    throw FormatError(
        explain(where, std::to_string(width) + "x" + std::to_string(height), "1 to 2^28 pixels"));
  }
  if (most < 256 || most > 65535) {
    throw FormatError(explain(where, "a PGM with values up to " + std::to_string(most), kExpected));
  }
  if (!blank(next())) throw FormatError(explain(where, "a broken PGM header", kExpected));
  return {{static_cast<int>(width), static_cast<int>(height)}, at + 1};
}

}  // namespace

bool is_pgm(std::span<const std::byte> bytes) {
  return bytes.size() > 2 && bytes[0] == std::byte{'P'} && bytes[1] == std::byte{'5'} &&
         (bytes[2] == std::byte{' '} || bytes[2] == std::byte{'\n'} ||
          bytes[2] == std::byte{'\r'} || bytes[2] == std::byte{'\t'});
}

ImageU16 decode_pgm16(std::span<const std::byte> bytes, std::string_view where) {
  const PgmHeader header = read_header(bytes, where);
  const std::uint64_t pixels = static_cast<std::uint64_t>(header.size.width) * header.size.height;
  const std::span<const std::byte> data = bytes.subspan(header.end);
  if (data.size() < 2 * pixels) {
    throw FormatError(explain(where, std::to_string(data.size()) + " bytes of pixels",
                              std::to_string(2 * pixels), "the file is cut off: copy it again"));
  }
  ImageU16 image(header.size.width, header.size.height);
  for (std::size_t i = 0; i < image.v.size(); ++i) {
    image.v[i] = static_cast<std::uint16_t>((std::to_integer<unsigned>(data[2 * i]) << 8U) |
                                            std::to_integer<unsigned>(data[2 * i + 1]));
  }
  return image;
}

ImageSize pgm_size(std::span<const std::byte> bytes, std::string_view where) {
  return read_header(bytes, where).size;
}

}  // namespace vega
