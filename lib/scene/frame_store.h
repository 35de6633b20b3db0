// Where the pictures of a scene's frames are when they are not files of a folder: a container such
// as `.sens`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "media/image.h"

namespace vega {

// Frames by their place in the container. Safe from several threads.
class FrameStore {
 public:
  virtual ~FrameStore() = default;

  // The encoded colour picture (JPEG or PNG). The frames of an ordered container have no bytes of
  // their own: for them, the bytes that enter fingerprints instead. Throws FormatError naming frame
  // and offset.
  virtual std::vector<std::byte> color_bytes(std::size_t place) const = 0;
  // True: pictures are not encoded one by one (video), and `pictures` gives them.
  virtual bool ordered() const { return false; }
  // The pictures of `places` (distinct), ascending, one call at a time. Throws FormatError.
  virtual void pictures(std::span<const std::size_t> /*places*/,
                        const std::function<void(std::size_t place, ImageU8&&)>& /*take*/) const {}

  // Coded frames that were decoded so far (video); -1 when the container does not count them.
  virtual std::int64_t decoded_frames() const { return -1; }

  // Millimetres, 0 = invalid.
  virtual ImageU16 depth(std::size_t place) const = 0;
  virtual bool has_depth(std::size_t place) const = 0;
  virtual ImageSize depth_size() const = 0;
  // "FILE, frame I", for messages.
  virtual std::string where(std::size_t place) const = 0;
};

}  // namespace vega
