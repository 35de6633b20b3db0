// What the deflate format allows (RFC 1951).
#pragma once

#include <cstdint>

namespace vega {

// No byte of deflate makes more bytes than this: two bits stand for 258 bytes at most.
inline constexpr std::uint64_t kMostInflation = 1032;

}  // namespace vega
