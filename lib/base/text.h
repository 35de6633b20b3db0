// Small text files as people and other programs write them.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace vega {

// The text without the UTF-8 byte order mark (ef bb bf) that some editors put first.
std::string_view strip_bom(std::string_view text);

// The text without blanks, tabs, carriage returns and newlines at both ends.
std::string_view trim(std::string_view text);

// A to Z become a to z; every other byte stays.
std::string lower(std::string text);

// The whole word as a number: "-1.5e3", "+2", "inf", "nan". Nothing where a character is left over.
std::optional<double> parse_double(std::string_view word);

// A text file without its byte order mark. `expected` says in messages what belongs in the file.
// Throws InputError (cannot be read), FormatError (UTF-16 or UTF-32, more than `most` bytes).
std::string read_text(const std::filesystem::path& path, std::string_view expected,
                      std::size_t most = std::size_t{1} << 20);

}  // namespace vega
