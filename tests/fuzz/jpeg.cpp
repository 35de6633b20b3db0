// A JPEG: its size, its pixels, and the same through the door that looks at the content.
#include "media/jpeg.h"
#include "fuzz/target.h"
#include "media/decode.h"
#include "media/exif.h"

using namespace vega;
using namespace vega::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = bytes_of(data, size);
  exif_orientation(bytes);
  attempt([&] {
    const ImageSize said = jpeg_size(bytes);
    const ImageU8 image = decode_jpeg(bytes, "JPEG");
    require(image.size() == said, "one size");
    require(!is_jpeg(bytes) || image_size(bytes, "JPEG") == said, "one size");
    touch(std::as_bytes(std::span(image.rgb)));
  });
  return 0;
}
