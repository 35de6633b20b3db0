// XXH3, 128 bits: checksums and cache keys (not a defence against forgery).
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace vega {

// Streaming hash. Fields are framed by their length, so that ("ab", "c") and ("a", "bc") differ.
class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;

  Hasher& bytes(std::span<const std::byte> data);  // raw, unframed
  Hasher& field(std::string_view text);            // length, then bytes
  Hasher& field(std::span<const std::byte> data);  // length, then bytes
  Hasher& number(long long value);                 // eight bytes, little endian
  std::string hex() const;                         // 32 lower-case digits

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// XXH3-128 of one run of bytes, 32 lower-case hex digits.
std::string xxh3_hex(std::span<const std::byte> data);
std::string xxh3_hex(std::string_view text);

}  // namespace vega
