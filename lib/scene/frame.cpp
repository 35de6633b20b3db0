#include "scene/frame.h"

#include <fmt/core.h>

#include <array>
#include <utility>

#include "base/error.h"
#include "media/decode.h"
#include "media/exif.h"
#include "media/pgm.h"
#include "media/png.h"
#include "media/sens.h"

namespace vega {

std::string where(const SceneSource& source, const FrameRef& frame) {
  return source.container ? source.container->where(frame.place) : frame.color.string();
}

std::string where_depth(const SceneSource& source, const FrameRef& frame) {
  return source.container ? source.container->where(frame.place) : frame.depth.string();
}

std::vector<std::byte> color_bytes(const SceneSource& source, const FrameRef& frame) {
  return source.container ? source.container->color_bytes(frame.place) : read_file(frame.color);
}

bool follows_exif(const SceneSource& source) {
  return source.exif && !source.container && !source.K_color &&
         !source.frames.front().world_from_cam;
}

ImageU8 decode_color(const SceneSource& source, const FrameRef& frame,
                     std::span<const std::byte> bytes) {
  if (!source.container || !source.container->ordered()) {
    ImageU8 image = decode_image(bytes, where(source, frame));
    return follows_exif(source) ? orient(image, exif_orientation(bytes)) : image;
  }
  ImageU8 image;
  const std::array places{frame.place};
  source.container->pictures(places, [&](std::size_t, ImageU8&& got) { image = std::move(got); });
  return image;
}

bool has_depth(const SceneSource& source, const FrameRef& frame) {
  return source.container ? source.container->has_depth(frame.place) : !frame.depth.empty();
}

ImageU16 load_depth(const SceneSource& source, const FrameRef& frame) {
  if (!has_depth(source, frame)) {
    throw InputError(explain(source.root.string(), fmt::format("frame {} without depth", frame.id),
                             "a depth file"));
  }
  if (source.container) return source.container->depth(frame.place);
  const auto bytes = read_file(frame.depth);
  ImageU16 depth = is_pgm(bytes) ? decode_pgm16(bytes, frame.depth.string())
                                 : decode_png16(bytes, frame.depth.string());
  if (source.dialect == "7scenes") {
    for (auto& value : depth.v) {
      if (value == 65535) value = 0;
    }
  }
  if (source.shifted && source.depth_shift != 1000)
    return to_millimetres(std::move(depth), static_cast<float>(source.depth_shift),
                          source.root.string());
  return depth;
}

ImageSize depth_size(const SceneSource& source) {
  if (source.container) return source.container->depth_size();
  for (const auto& frame : source.frames) {
    if (frame.depth.empty()) continue;
    const auto bytes = read_file(frame.depth);
    return is_pgm(bytes) ? pgm_size(bytes, frame.depth.string())
                         : png_size(bytes, frame.depth.string());
  }
  return {};
}

}  // namespace vega
