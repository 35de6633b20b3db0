#include "media/video/write_jpeg.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>

#include "base/error.h"
#include "media/jpeg.h"
#include "media/video/video.h"
#include "support/support.h"

namespace vega {
namespace {

std::vector<std::byte> picture(int shade) {
  ImageU8 image(48, 32);
  for (int y = 0; y < 32; ++y)
    for (int x = 0; x < 48; ++x)
      for (int c = 0; c < 3; ++c)
        image.rgb[static_cast<std::size_t>((y * 48 + x) * 3 + c)] =
            static_cast<std::uint8_t>(c == 0   ? shade
                                      : c == 1 ? 4 * x
                                               : 6 * y);
  return encode_jpeg(image, 92, false);
}

}  // namespace

TEST_CASE("a video of JPEG pictures is read back as they are, at their times") {
  const std::vector<std::vector<std::byte>> pictures = {picture(20), picture(120), picture(240)};
  const std::string bytes = jpeg_video(pictures, {48, 32}, 2);
  CHECK(jpeg_video(pictures, {48, 32}, 2) == bytes);
  const test::TempFolder temp;
  test::write_text(temp / "walk.mp4", bytes);
  Video video(temp / "walk.mp4");
  CHECK(video.info().codec == "mjpeg");
  CHECK(video.info().size.width == 48);
  REQUIRE(video.index().size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(video.index()[i].time_s == Approx(0.5 * static_cast<double>(i)));
    const ImageU8 got = video.frame(static_cast<std::int64_t>(i));
    const ImageU8 wanted = decode_jpeg(pictures[i], "picture");
    REQUIRE(got.rgb.size() == wanted.rgb.size());
    int most = 0;  // two decoders: the rounding of their transforms and colours
    for (std::size_t k = 0; k < got.rgb.size(); ++k)
      most = std::max(most, std::abs(int{got.rgb[k]} - int{wanted.rgb[k]}));
    CHECK(most <= 4);
  }
  CHECK_THROWS_AS(jpeg_video({}, {48, 32}, 2), InputError);
  CHECK_THROWS_AS(jpeg_video(pictures, {48, 32}, 0), InputError);
}

}  // namespace vega
