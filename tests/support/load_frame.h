// One frame of a scene, read whole.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "scene/frame.h"

namespace vega::test {

struct LoadedFrame {
  std::vector<std::byte> color_bytes;  // the file as it lies on disk (JPEG or PNG)
  ImageU8 color;
  std::optional<ImageU16> depth;  // where it is asked for and present
};

inline LoadedFrame load_frame(const SceneSource& source, const FrameRef& frame, bool with_depth) {
  LoadedFrame loaded;
  loaded.color_bytes = color_bytes(source, frame);
  loaded.color = decode_color(source, frame, loaded.color_bytes);
  if (with_depth && has_depth(source, frame)) loaded.depth = load_depth(source, frame);
  return loaded;
}

}  // namespace vega::test
