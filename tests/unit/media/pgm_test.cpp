// Depth maps as binary PGM.
#include "media/pgm.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "base/error.h"

using namespace vega;
using Catch::Matchers::Contains;

namespace {

std::vector<std::byte> bytes_of(const std::string& text) {
  std::vector<std::byte> out;
  for (const char c : text) out.push_back(static_cast<std::byte>(c));
  return out;
}

std::vector<std::byte> with_pixels(const std::string& header) {
  auto bytes = bytes_of(header);
  for (const int value : {0, 1, 3, 232, 255, 255}) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

}  // namespace

TEST_CASE("a 16-bit PGM: the high byte first, comments skipped") {
  for (const char* header :
       {"P5\n3 1\n65535\n", "P5 3 1 65535 ", "P5\n# a comment\n3 1\n# 7\n65535\n"}) {
    const auto bytes = with_pixels(header);
    INFO(header);
    CHECK(is_pgm(bytes));
    CHECK(pgm_size(bytes, "x") == ImageSize{3, 1});
    CHECK(decode_pgm16(bytes, "x").v == std::vector<std::uint16_t>{1, 1000, 65535});
  }
}

TEST_CASE("a PGM that is none, of 8 bits, cut off or of no size") {
  const auto refused = [](const std::string& header) {
    try {
      decode_pgm16(with_pixels(header), "a.pgm");
    } catch (const FormatError& error) {
      return std::string(error.what());
    }
    return std::string("taken");
  };
  CHECK_THAT(refused("P2\n3 1\n65535\n"), Contains("a.pgm") && Contains("no PGM"));
  CHECK_THAT(refused("P5\n3 1\n255\n"), Contains("up to 255"));
  CHECK_THAT(refused("P5\n3 2\n65535\n"), Contains("6 bytes of pixels") && Contains("12"));
  CHECK_THAT(refused("P5\n0 2\n65535\n"), Contains("0x2"));
  CHECK_THAT(refused("P5\n999999999 999999999\n65535\n"), Contains("2^28"));
  CHECK_THAT(refused("P5\nx"), Contains("broken PGM header"));
  CHECK_THAT(refused("P5\n3 1 65535x"), Contains("broken PGM header"));
  CHECK_THROWS_AS(pgm_size(bytes_of("P5"), "x"), FormatError);
  CHECK_THROWS_AS(pgm_size(bytes_of("P5\n3 "), "x"), FormatError);
}
