// JPEG and PNG: the pixels of Pillow, round trips, and files that must be refused.
#include <catch2/catch.hpp>

#include <fmt/core.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "goldens.h"
#include "media/decode.h"
#include "media/jpeg.h"
#include "media/png.h"

using namespace vega;
using Catch::Matchers::Contains;

namespace {

const std::vector<std::string> kJpegs = {"base420_q75",   "base422_q90",    "base444_q95",
                                         "prog420_q80",   "restart420_q75", "gray_q85",
                                         "exif6_420_q75", "cmyk_q90"};
const std::vector<std::string> kPngs = {"rgb8",          "rgba8",        "la8",   "palette8",
                                        "palette8_trns", "palette2",     "gray8", "gray1",
                                        "rgb8_filters",  "rgb16_filters"};

std::vector<std::byte> image_bytes(const std::string& name) {
  return test::read_bytes(test::golden("images") / name);
}

std::span<const std::byte> head(const std::vector<std::byte>& bytes, std::size_t count) {
  return std::span(bytes).first(count);
}

}  // namespace

TEST_CASE("JPEG decodes to Pillow's pixels") {
  const auto goldens = read_safetensors(test::golden("pillow.safetensors"));
  for (const auto& stem : kJpegs) {
    INFO(stem);
    const auto bytes = image_bytes(stem + ".jpg");
    const ImageU8 expected = test::golden_image(goldens, "jpeg." + stem);
    const ImageU8 got = decode_image(bytes, stem);
    CHECK(got.size() == expected.size());
    CHECK(test::worst_byte(got, expected) == 0);
    CHECK(jpeg_size(bytes) == expected.size());
  }
}

TEST_CASE("PNG decodes to Pillow's pixels") {
  const auto goldens = read_safetensors(test::golden("pillow.safetensors"));
  for (const auto& stem : kPngs) {
    INFO(stem);
    const auto bytes = image_bytes(stem + ".png");
    const ImageU8 expected = test::golden_image(goldens, "png." + stem);
    const ImageU8 got = decode_image(bytes, stem);
    CHECK(test::worst_byte(got, expected) == 0);
    CHECK(png_size(bytes) == expected.size());
  }
}

TEST_CASE("16-bit PNG keeps its values") {
  const auto goldens = read_safetensors(test::golden("pillow.safetensors"));
  for (const std::string stem : {"gray16", "gray16_filters"}) {
    INFO(stem);
    const auto& view = goldens.at("png." + stem);
    const ImageU16 got = decode_png16(image_bytes(stem + ".png"), stem);
    REQUIRE(view.shape == Shape{got.height, got.width});
    for (std::size_t i = 0; i < got.v.size(); ++i) {
      std::int32_t expected = 0;
      std::memcpy(&expected, view.data + 4 * i, 4);
      REQUIRE(int{got.v[i]} == expected);
    }
  }
}

TEST_CASE("PNG kinds are not mistaken for each other") {
  CHECK_THROWS_WITH(decode_png(image_bytes("gray16.png"), "d.png"),
                    Contains("d.png") && Contains("16-bit grey") && Contains("depth"));
  for (const std::string stem : {"rgb8", "gray8", "rgb16_filters", "palette8", "la8"}) {
    INFO(stem);
    CHECK_THROWS_AS(decode_png16(image_bytes(stem + ".png"), "d.png"), FormatError);
  }
}

TEST_CASE("PNG round trips") {
  const ImageU8 color = test::noise_image(37, 11, "codec");
  CHECK(test::worst_byte(decode_png(encode_png(color), "x"), color) == 0);
  ImageU16 depth(19, 7);
  for (std::size_t i = 0; i < depth.v.size(); ++i) {
    depth.v[i] = static_cast<std::uint16_t>(i * 4099 + 255);
  }
  CHECK(decode_png16(encode_png16(depth), "x").v == depth.v);
  CHECK_THROWS_AS(encode_png(ImageU8{}), InputError);
  CHECK_THROWS_AS(encode_png16(ImageU16{}), InputError);
}

TEST_CASE("JPEG round trip stays near, nearer without subsampling") {
  const ImageU8 image = test::gradient_image(64, 48);
  const auto mean = [&](const std::vector<std::byte>& bytes) {
    const ImageU8 back = decode_jpeg(bytes, "x");
    REQUIRE(back.size() == image.size());
    double sum = 0;
    for (std::size_t i = 0; i < image.rgb.size(); ++i) {
      sum += std::abs(int{back.rgb[i]} - int{image.rgb[i]});
    }
    return sum / double(image.rgb.size());
  };
  const double usual = mean(encode_jpeg(image)), fine = mean(encode_jpeg(image, 98, false));
  CHECK(usual < 3);
  CHECK(fine < 1);
  CHECK(fine < usual);
  CHECK(encode_jpeg(image) == encode_jpeg(image, 75, true));
  CHECK_THROWS_AS(encode_jpeg(image, 0), InputError);
  CHECK_THROWS_AS(encode_jpeg(ImageU8{}), InputError);
}

// What a picture is after Pillow wrote it as JPEG, by default, and read it again
// (tests/golden/export_pictures.py).
TEST_CASE("JPEG of quality 75, decoded, has Pillow's pixels") {
  const auto golden = nlohmann::json::parse(test::read_text(test::golden("pictures/scores.json")));
  REQUIRE(golden["recoded"].size() == 5);
  for (const auto& one : golden["recoded"]) {
    const std::string stream = one["stream"];
    INFO(stream);
    const int w = one["size"][0], h = one["size"][1];
    const ImageU8 image =
        one["kind"] == "noise" ? test::noise_image(w, h, stream) : test::mixed_image(w, h, stream);
    const auto hex = [](const ImageU8& of) {
      return fmt::format("{:016x}", fnv1a64(test::bytes_of(of)));
    };
    REQUIRE(hex(image) == one["in_fnv1a64"].get<std::string>());
    CHECK(hex(decode_jpeg(encode_jpeg(image), "x")) == one["out_fnv1a64"].get<std::string>());
  }
}

// Pillow refuses these too (a JPEG that lacks even its last byte is truncated).
TEST_CASE("truncated JPEG is refused at every length") {
  for (const std::string stem : {"base420_q75", "prog420_q80", "restart420_q75", "gray_q85"}) {
    const auto bytes = image_bytes(stem + ".jpg");
    for (std::size_t n = 0; n < bytes.size(); ++n) {
      INFO(stem << " cut to " << n << " of " << bytes.size());
      REQUIRE_THROWS_AS(decode_jpeg(head(bytes, n), "cut.jpg"), FormatError);
    }
  }
  const auto bytes = image_bytes("base420_q75.jpg");
  CHECK_THROWS_WITH(decode_jpeg(head(bytes, bytes.size() / 2), "a/cut.jpg"),
                    Contains("a/cut.jpg") && Contains("remature end"));
}

TEST_CASE("truncated PNG is refused at every length") {
  for (const std::string stem : {"rgb8", "gray16_filters", "palette8"}) {
    const auto bytes = image_bytes(stem + ".png");
    for (std::size_t n = 0; n < bytes.size(); ++n) {
      INFO(stem << " cut to " << n << " of " << bytes.size());
      if (stem == "gray16_filters") {
        REQUIRE_THROWS_AS(decode_png16(head(bytes, n), "cut.png"), FormatError);
      } else {
        REQUIRE_THROWS_AS(decode_png(head(bytes, n), "cut.png"), FormatError);
      }
    }
  }
}

TEST_CASE("every flipped byte of a PNG is noticed") {
  const auto bytes = image_bytes("rgb8.png");
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    auto bad = bytes;
    bad[i] ^= std::byte{0x10};
    INFO("byte " << i);
    REQUIRE_THROWS_AS(decode_png(bad, "bad.png"), FormatError);
  }
}

// A flipped bit inside the entropy-coded data may still be valid code; nothing worse than wrong
// pixels or a FormatError may come of it.
TEST_CASE("a JPEG with flipped bytes decodes or is refused") {
  for (const std::string stem : {"base420_q75", "prog420_q80", "cmyk_q90"}) {
    const auto bytes = image_bytes(stem + ".jpg");
    const ImageSize size = jpeg_size(bytes);
    int refused = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      // The frame header's size is left alone: 2^28 pixels are allowed, but not in a quick test.
      auto bad = bytes;
      bad[i] ^= std::byte{0x04};
      try {
        if (jpeg_size(bad) == size) decode_jpeg(bad, "bad.jpg");
      } catch (const FormatError&) {
        ++refused;
      }
    }
    CHECK(refused > 10);
  }
}

TEST_CASE("bytes after the picture and between segments are tolerated") {
  auto bytes = image_bytes("base420_q75.jpg");
  const ImageU8 expected = decode_jpeg(bytes, "x");
  bytes.push_back(std::byte{7});
  bytes.push_back(std::byte{9});
  CHECK(test::worst_byte(decode_jpeg(bytes, "x"), expected) == 0);
  auto gap = image_bytes("base420_q75.jpg");
  // Two stray bytes between the first segment (FF E0, length at 4) and the next.
  const std::size_t next =
      4 + std::to_integer<std::size_t>(gap[4]) * 256 + std::to_integer<std::size_t>(gap[5]);
  gap.insert(gap.begin() + std::ptrdiff_t(next), 2, std::byte{0x55});
  CHECK(test::worst_byte(decode_jpeg(gap, "x"), expected) == 0);
}

TEST_CASE("sizes beyond the limit are refused before memory is taken") {
  auto bytes = image_bytes("base420_q75.jpg");
  for (std::size_t i = 0; i + 9 < bytes.size(); ++i) {
    if (bytes[i] != std::byte{0xff} || bytes[i + 1] != std::byte{0xc0}) continue;
    for (std::size_t j = 5; j < 9; ++j) bytes[i + j] = std::byte{0xf0};  // 61680 x 61680
    break;
  }
  CHECK_THROWS_WITH(decode_jpeg(bytes, "big.jpg"), Contains("big.jpg") && Contains("61680x61680"));
}

TEST_CASE("files that are no pictures") {
  const std::vector<std::byte> text(20, std::byte{'a'});
  CHECK_THROWS_WITH(decode_image(text, "a.jpg"),
                    Contains("a.jpg") && Contains("a text file") && Contains("JPEG or PNG"));
  CHECK_THROWS_WITH(decode_image({}, "a.jpg"), Contains("an empty file"));
  CHECK_THROWS_AS(decode_jpeg({}, "a.jpg"), FormatError);
  CHECK_THROWS_AS(decode_png({}, "a.png"), FormatError);
  CHECK_THROWS_AS(decode_jpeg(image_bytes("rgb8.png"), "a.jpg"), FormatError);
  CHECK_THROWS_AS(decode_png(image_bytes("gray_q85.jpg"), "a.png"), FormatError);
  test::TempFolder folder;
  CHECK_THROWS_WITH(read_file(folder / "none.jpg"),
                    Contains("none.jpg") && Contains("No such file"));
  CHECK_THROWS_WITH(read_file(folder.path()), Contains("a folder"));
  test::write_text(folder / "empty", "");
  CHECK(read_file(folder / "empty").empty());
}

TEST_CASE("a file that is no picture is called by its name, with a remedy") {
  const auto bytes_of = [](const std::string& text) {
    const auto bytes = std::as_bytes(std::span(text));
    return std::vector<std::byte>(bytes.begin(), bytes.end());
  };
  const auto pointer =
      bytes_of("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
  CHECK_THROWS_WITH(decode_image(pointer, "0001.jpg"),
                    Contains("0001.jpg: got a Git LFS pointer") && Contains("git lfs pull"));
  CHECK_THROWS_WITH(image_size(bytes_of("<!DOCTYPE html><html>login</html>"), "0002.jpg"),
                    Contains("a web page (HTML)"));
  CHECK_THROWS_WITH(decode_image(bytes_of("RIFF1234WEBPVP8 "), "0003.jpg"),
                    Contains("a WebP picture") && Contains("convert it"));
  CHECK_THROWS_WITH(decode_png16(pointer, "0001.png"), Contains("a Git LFS pointer"));
  CHECK_THROWS_WITH(decode_image({}, "0004.jpg"), Contains("an empty file"));
}
