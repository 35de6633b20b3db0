// Depth maps as binary PGM (P5), which ScanNet's C++ exporter and 3RScan write.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "media/image.h"

namespace vega {

// True when the bytes start with "P5" and a blank.
bool is_pgm(std::span<const std::byte> bytes);

// 16-bit grey (a maximum of 256 to 65535), two bytes a pixel, the high one first; values as stored.
// Comments (# to the end of the line) in the header are skipped. where: file name for messages.
// Throws FormatError: another kind, 8 bits, no pixel or more than 2^28, fewer bytes than pixels.
ImageU16 decode_pgm16(std::span<const std::byte> bytes, std::string_view where);

// Size from the header alone. Throws FormatError.
ImageSize pgm_size(std::span<const std::byte> bytes, std::string_view where);

}  // namespace vega
