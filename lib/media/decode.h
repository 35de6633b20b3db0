// Picture files by their content: JPEG or PNG, never by the name's ending.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

#include "media/image.h"

namespace vega {

// All bytes of a file. Throws InputError (path, reason).
std::vector<std::byte> read_file(const std::filesystem::path& path);

// Decodes a JPEG or PNG to RGB. Throws FormatError naming `where`.
ImageU8 decode_image(std::span<const std::byte> bytes, std::string_view where);

// Size of a JPEG or PNG from its header. Throws FormatError.
ImageSize image_size(std::span<const std::byte> bytes, std::string_view where);

}  // namespace vega
