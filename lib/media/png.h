// PNG through libpng: colour pictures as Pillow's convert("RGB") gives them, 16-bit depth maps.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "media/image.h"

namespace vega {

// True when the bytes start with the PNG signature.
bool is_png(std::span<const std::byte> bytes);

// RGB, RGBA, palette, grey and grey with alpha; alpha and transparency are dropped, not blended;
// 16-bit colour keeps the high byte; grey of 1, 2, 4 bits is widened to 0..255. 16-bit grey is
// refused (a depth map). Gamma is not applied.
// Texts and colour profiles are skipped. where: file name for messages. Throws FormatError
// (truncation, CRC of any chunk, > 2^28 pixels, more pixels than so few bytes can hold).
ImageU8 decode_png(std::span<const std::byte> bytes, std::string_view where);

// 16-bit grey without alpha, values as stored; every other kind is refused by name.
// Throws FormatError.
ImageU16 decode_png16(std::span<const std::byte> bytes, std::string_view where);

// Size from the header alone. Throws FormatError.
ImageSize png_size(std::span<const std::byte> bytes, std::string_view where = "PNG");

// 8-bit RGB, 16-bit grey. Throw InputError (empty image).
std::vector<std::byte> encode_png(const ImageU8& image);
std::vector<std::byte> encode_png16(const ImageU16& image);

}  // namespace vega
