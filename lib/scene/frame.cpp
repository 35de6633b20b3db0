#include "scene/frame.h"

#include <fmt/core.h>

#include "base/error.h"
#include "media/decode.h"
#include "media/png.h"

namespace vega {

LoadedFrame load_frame(const SceneSource& source, const FrameRef& frame, bool with_depth) {
  LoadedFrame loaded;
  loaded.color_bytes = read_file(frame.color);
  loaded.color = decode_image(loaded.color_bytes, frame.color.string());
  if (with_depth && !frame.depth.empty()) loaded.depth = load_depth(source, frame);
  return loaded;
}

ImageU16 load_depth(const SceneSource& source, const FrameRef& frame) {
  if (frame.depth.empty()) {
    throw InputError(explain(source.root.string(), fmt::format("frame {} without depth", frame.id),
                             "a depth file"));
  }
  ImageU16 depth = decode_png16(read_file(frame.depth), frame.depth.string());
  if (source.dialect == "7scenes") {
    for (auto& value : depth.v) {
      if (value == 65535) value = 0;
    }
  }
  return depth;
}

ImageSize depth_size(const SceneSource& source) {
  for (const auto& frame : source.frames) {
    if (!frame.depth.empty()) return png_size(read_file(frame.depth), frame.depth.string());
  }
  return {};
}

}  // namespace vega
