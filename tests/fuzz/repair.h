// Checksums of containers, set right after the fuzzer changed what they cover.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace vega::fuzz {

// The CRC-32 of every stored record that the directory of a zip archive lists, as far as the
// directory can be followed.
std::vector<std::byte> with_right_zip_sums(std::span<const std::byte> zip);

// The CRC-32 of every chunk of a PNG, as far as the chunks can be followed.
std::vector<std::byte> with_right_png_sums(std::span<const std::byte> png);

}  // namespace vega::fuzz
