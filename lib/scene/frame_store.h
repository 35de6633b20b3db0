// Where the pictures of a scene's frames are when they are not files of a folder: a container such
// as `.sens`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "media/image.h"

namespace vega {

// Frames by their place in the container. Safe from several threads.
class FrameStore {
 public:
  virtual ~FrameStore() = default;

  // The encoded colour picture (JPEG or PNG). Throws FormatError naming frame and offset.
  virtual std::vector<std::byte> color_bytes(std::size_t place) const = 0;
  // Millimetres, 0 = invalid.
  virtual ImageU16 depth(std::size_t place) const = 0;
  virtual bool has_depth(std::size_t place) const = 0;
  virtual ImageSize depth_size() const = 0;
  // "FILE, frame I", for messages.
  virtual std::string where(std::size_t place) const = 0;
};

}  // namespace vega
