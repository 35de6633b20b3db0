// JPEG through libjpeg-turbo, with the pixels that Pillow's convert("RGB") gives.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "media/image.h"

namespace vega {

// True when the bytes start like a JPEG file.
bool is_jpeg(std::span<const std::byte> bytes);

// Baseline and progressive, 8 bits, 1, 3 or 4 components. Slow integer DCT, smooth chroma
// upsampling; grey is repeated; CMYK and YCCK count as stored inverted (Adobe), as in Pillow;
// EXIF orientation is not applied (media/exif.h). Truncated or corrupt data is an error, never a
// grey patch; extraneous bytes before a marker are tolerated. where: file name for messages. Throws
// FormatError; also for more than 2^28 pixels, more than 100 scans, and more pixels than so few
// bytes can hold.
ImageU8 decode_jpeg(std::span<const std::byte> bytes, std::string_view where);

// Size from the header alone. Throws FormatError.
ImageSize jpeg_size(std::span<const std::byte> bytes, std::string_view where = "JPEG");

// Baseline JPEG; subsample: 4:2:0 chroma, else 4:4:4. Quality 75 with subsampling is Pillow's
// default. Throws InputError (empty image, quality outside 1..100).
std::vector<std::byte> encode_jpeg(const ImageU8& image, int quality = 75, bool subsample = true);

}  // namespace vega
