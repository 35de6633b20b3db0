// A .sens file: the index, and of every frame the recorded JPEG, its pixels and the depth map.
#include "media/sens.h"
#include "fuzz/target.h"
#include "media/jpeg.h"

using namespace vega;
using namespace vega::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const InputFile file(bytes_of(data, size));
  attempt([&] {
    const SensFile sens(file.path());
    const SensHeader& header = sens.header();
    require(sens.frames().size() == header.frame_count, "an entry a frame");
    for (std::size_t i = 0; i < sens.frames().size(); ++i) {
      const std::uint64_t end = sens.frames()[i].depth_offset + sens.frames()[i].depth_bytes;
      require(end <= size, "payloads within the file");
      attempt([&] {
        const auto jpeg = sens.color_jpeg(i);
        const ImageU8 image = decode_jpeg(jpeg, sens.where(i, "colour", 0));
        require(image.size() == header.color_size, "the size that the header says");
        touch(std::as_bytes(std::span(image.rgb)));
      });
      attempt([&] {
        const ImageU16 depth = sens.depth(i);
        require(depth.size() == header.depth_size, "the size that the header says");
        touch(std::as_bytes(std::span(depth.v)));
      });
    }
  });
  return 0;
}
