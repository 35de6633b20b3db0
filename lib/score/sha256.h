// SHA-256 (FIPS 180-4): digests of answer and annotation files, as `sha256sum` prints them.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

namespace vega::score {

// 64 lower-case hex digits.
std::string sha256_hex(std::span<const std::byte> bytes);

// Throws InputError (cannot be opened).
std::string sha256_of_file(const std::filesystem::path& path);

}  // namespace vega::score
