// The orientation in Exif data of JPEG and PNG files, and files that only look like having one.
#include "media/exif.h"

#include <zlib.h>

#include <catch2/catch.hpp>

#include "media/decode.h"
#include "media/jpeg.h"
#include "media/png.h"
#include "support/exif.h"
#include "support/support.h"

using namespace vega;

namespace {

// Three wide and two high; red levels tell the pixels apart.
ImageU8 stored() {
  ImageU8 image(3, 2);
  for (std::size_t i = 0; i < 6; ++i) image.rgb[3 * i] = static_cast<std::uint8_t>(10 * i);
  return image;
}

std::vector<std::byte> png_with_chunk(const std::string& kind, const std::string& body) {
  auto png = encode_png(stored());
  std::string chunk = kind + body;
  const auto big = [](std::uint32_t v) {
    return std::string{char(v >> 24), char(v >> 16), char(v >> 8), char(v)};
  };
  const auto sum = crc32(0, reinterpret_cast<const Bytef*>(chunk.data()), uInt(chunk.size()));
  chunk = big(std::uint32_t(body.size())) + chunk + big(std::uint32_t(sum));
  const auto bytes = std::as_bytes(std::span(chunk));
  png.insert(png.begin() + 33, bytes.begin(), bytes.end());  // behind IHDR
  return png;
}

std::vector<std::byte> png_with_exif(const std::string& exif) {
  return png_with_chunk("eXIf", exif);
}

}  // namespace

TEST_CASE("the eight orientations, in both byte orders, in JPEG and PNG") {
  // Where the first row and the first column of the stored picture go when shown, as in the Exif
  // standard: value 6 has row 0 on the right and column 0 on top.
  const std::vector<Orientation> expected{Orientation::kUpright,       Orientation::kMirror,
                                          Orientation::kTurn180,       Orientation::kMirrorTurn180,
                                          Orientation::kMirrorTurn270, Orientation::kTurn90,
                                          Orientation::kMirrorTurn90,  Orientation::kTurn270};
  for (int value = 1; value <= 8; ++value) {
    for (const bool big : {false, true}) {
      CAPTURE(value, big);
      const std::string exif = test::exif_data(value, big);
      const auto jpeg = test::jpeg_with_exif(encode_jpeg(stored()), exif);
      CHECK(exif_orientation(jpeg) == expected[std::size_t(value - 1)]);
      CHECK(decode_image(jpeg, "a").size() == ImageSize{3, 2});  // decoding alone turns nothing
      const auto png = png_with_exif(exif);
      CHECK(exif_orientation(png) == expected[std::size_t(value - 1)]);
      CHECK(decode_image(png, "a").rgb == stored().rgb);
    }
  }
  // Value 6: the stored left column is on top, read from the bottom up.
  const ImageU8 shown = orient(stored(), exif_orientation(png_with_exif(test::exif_data(6))));
  CHECK(shown.size() == ImageSize{2, 3});
  CHECK(int{shown.row(0)[0]} == 30);
  CHECK(int{shown.row(0)[3]} == 0);
  CHECK(int{shown.row(2)[3]} == 20);
}

TEST_CASE("a picture of Pillow's with orientation 6") {
  const auto bytes = test::read_bytes(test::golden("images") / "exif6_420_q75.jpg");
  CHECK(exif_orientation(bytes) == Orientation::kTurn90);
  const auto plain = test::read_bytes(test::golden("images") / "base420_q75.jpg");
  CHECK(exif_orientation(plain) == Orientation::kUpright);
}

TEST_CASE("Exif data that are broken, cut or odd leave the picture as stored") {
  const auto jpeg = encode_jpeg(stored());
  const std::string good = test::exif_data(6);
  for (const int value : {0, 9, 255}) {
    CHECK(exif_orientation(test::jpeg_with_exif(jpeg, test::exif_data(value))) ==
          Orientation::kUpright);
  }
  const auto whole = test::jpeg_with_exif(jpeg, good);
  for (std::size_t count = 0; count < 2 + 8 + 4 + 6 + good.size() - 6; ++count) {
    CAPTURE(count);
    CHECK(exif_orientation(std::span(whole).first(count)) == Orientation::kUpright);
  }
  std::string far = good;
  far[4] = '\x7f', far[7] = '\x7f';  // the directory is said to be beyond the end
  CHECK(exif_orientation(test::jpeg_with_exif(jpeg, far)) == Orientation::kUpright);
  std::string many = good;
  many[8] = '\xff', many[9] = '\xff', many[10] = 0;  // 65535 entries, none of them 274
  CHECK(exif_orientation(test::jpeg_with_exif(jpeg, many)) == Orientation::kUpright);
  CHECK(exif_orientation({}) == Orientation::kUpright);
}

TEST_CASE("the orientation of an XMP packet counts where Exif has none") {
  const auto jpeg = encode_jpeg(stored());
  const std::string attribute = "<x:xmpmeta><rdf:Description tiff:Orientation=\"6\"/></x:xmpmeta>";
  const std::string element = "<x><tiff:Orientation/><tiff:Orientation>8</tiff:Orientation></x>";
  CHECK(exif_orientation(test::jpeg_with_xmp(jpeg, attribute)) == Orientation::kTurn90);
  CHECK(exif_orientation(test::jpeg_with_xmp(jpeg, element)) == Orientation::kTurn270);
  const std::string key("XML:com.adobe.xmp\0\0\0\0\0", 22);
  CHECK(exif_orientation(png_with_chunk("iTXt", key + attribute)) == Orientation::kTurn90);
  // Exif wins, also where it says upright.
  CHECK(exif_orientation(test::jpeg_with_exif(test::jpeg_with_xmp(jpeg, attribute),
                                              test::exif_data(3))) == Orientation::kTurn180);
  CHECK(exif_orientation(test::jpeg_with_exif(test::jpeg_with_xmp(jpeg, attribute),
                                              test::exif_data(1))) == Orientation::kUpright);
  for (const char* odd : {"tiff:Orientation", "tiff:Orientation=", "tiff:Orientation=\"x\"",
                          "tiff:Orientation=\"9\"", "tiff:OrientationX=\"6\""}) {
    CAPTURE(odd);
    CHECK(exif_orientation(test::jpeg_with_xmp(jpeg, odd)) == Orientation::kUpright);
  }
}
