// A PNG as a colour picture and as a depth map. A file whose checksums alone are wrong is read
// again with the right ones.
#include "media/png.h"
#include "fuzz/repair.h"
#include "fuzz/target.h"
#include "media/decode.h"
#include "media/exif.h"

using namespace vega;
using namespace vega::fuzz;

namespace {

bool read(std::span<const std::byte> bytes) {
  ImageSize size;
  if (!attempt([&] { size = png_size(bytes); })) return false;
  return attempt_any({[&] {
                        const ImageU8 image = decode_image(bytes, "PNG");
                        require(image.size() == size, "one size");
                        touch(std::as_bytes(std::span(image.rgb)));
                      },
                      [&] {
                        const ImageU16 image = decode_png16(bytes, "PNG");
                        require(image.size() == size, "one size");
                        touch(std::as_bytes(std::span(image.v)));
                      }});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = bytes_of(data, size);
  exif_orientation(bytes);
  if (!read(bytes)) {
    const auto repaired = with_right_png_sums(bytes);
    if (!std::equal(repaired.begin(), repaired.end(), bytes.begin(), bytes.end())) read(repaired);
  }
  return 0;
}
