// Small text files as people and other programs write them.
#pragma once

#include <cstddef>
#include <cstdint>
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

// The whole word as a decimal number: "-12". Nothing where a character is left over or it does not
// fit.
std::optional<std::int64_t> parse_whole(std::string_view word);

// "1 frame", "3 frames", "2 passes", "2 matches".
std::string plural(std::size_t count, std::string_view noun);

// "3 kB" (rounded up), "21.0 MB", "120 GB"; "?" where it is not known (NaN).
std::string bytes_text(double bytes);

// A text file without its byte order mark. `expected` says in messages what belongs in the file.
// Throws InputError (cannot be read), FormatError (no text: require_text; more than `most` bytes).
std::string read_text(const std::filesystem::path& path, std::string_view expected,
                      std::size_t most = std::size_t{1} << 20);

}  // namespace vega
