// Bytes as the files of byte-level tokenisers write them: each as one printable character, a blank
// as U+0120.
#pragma once

#include <string>
#include <string_view>

namespace vega::text {

// The character that stands for a byte, as UTF-8.
std::string_view written_byte(unsigned char byte);

// A token of these bytes as files write it.
std::string written_bytes(std::string_view bytes);

// The bytes that a token's characters stand for. Where a character stands for none, the token is
// its own bytes, as in the `tokenizers` package. The token must be UTF-8.
std::string bytes_of_written(std::string_view token);

}  // namespace vega::text
