// Loads a frame's pixels: the encoded bytes are read once, decoded by content.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "media/image.h"
#include "scene/source.h"

namespace vega {

// The file of the frame's picture or depth map, or "FILE, frame I": for messages.
std::string where(const SceneSource& source, const FrameRef& frame);
std::string where_depth(const SceneSource& source, const FrameRef& frame);

// The encoded colour picture. Throws InputError (unreadable), FormatError (broken container).
std::vector<std::byte> color_bytes(const SceneSource& source, const FrameRef& frame);

// True where pictures are turned upright as their EXIF orientation says: in folders of pictures
// without poses and intrinsics. Those hold for the pixels as stored.
bool follows_exif(const SceneSource& source);

// Its pixels, upright where follows_exif; `bytes` are its color_bytes. Throws FormatError.
ImageU8 decode_color(const SceneSource& source, const FrameRef& frame,
                     std::span<const std::byte> bytes);

bool has_depth(const SceneSource& source, const FrameRef& frame);

// The depth map: millimetres; invalid pixels are 0 (7-Scenes writes 65535 for them).
// Throws InputError (the frame has none, unreadable), FormatError.
ImageU16 load_depth(const SceneSource& source, const FrameRef& frame);

// Size of the scene's depth images, from the first frame that has one; {0, 0} where none has.
// Throws InputError, FormatError.
ImageSize depth_size(const SceneSource& source);

}  // namespace vega
