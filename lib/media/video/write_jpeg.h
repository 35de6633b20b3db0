// A video of JPEG pictures: their bytes are the frames as they are, nothing is encoded again.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/image_types.h"

namespace vega {

// An MP4 file of motion JPEG, picture i at i / fps seconds. Equal pictures give equal bytes.
// pictures: baseline JPEG of one size. Throws InputError (no picture, or fps below 1), OutputError
// (libav's reason).
std::string jpeg_video(std::span<const std::vector<std::byte>> pictures, ImageSize size, int fps);

}  // namespace vega
