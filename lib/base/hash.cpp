#include "base/hash.h"

#include <xxhash.h>

#include <array>
#include <cstdio>

namespace vega {
namespace {

std::string to_hex(XXH128_hash_t hash) {
  std::array<char, 33> text{};
  std::snprintf(text.data(), text.size(), "%016llx%016llx",
                static_cast<unsigned long long>(hash.high64),
                static_cast<unsigned long long>(hash.low64));
  return text.data();
}

}  // namespace

struct Hasher::State {
  XXH3_state_t* xxh = XXH3_createState();
  State() { XXH3_128bits_reset(xxh); }
  ~State() { XXH3_freeState(xxh); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
};

Hasher::Hasher() : state_(std::make_unique<State>()) {}
Hasher::~Hasher() = default;

Hasher& Hasher::bytes(std::span<const std::byte> data) {
  XXH3_128bits_update(state_->xxh, data.data(), data.size());
  return *this;
}

Hasher& Hasher::number(long long value) {
  std::array<std::byte, 8> raw{};
  for (std::size_t i = 0; i < raw.size(); ++i) {
    raw[i] = static_cast<std::byte>(static_cast<unsigned long long>(value) >> (8 * i));
  }
  return bytes(raw);
}

Hasher& Hasher::field(std::span<const std::byte> data) {
  number(static_cast<long long>(data.size()));
  return bytes(data);
}

Hasher& Hasher::field(std::string_view text) {
  return field(std::as_bytes(std::span(text.data(), text.size())));
}

std::string Hasher::hex() const { return to_hex(XXH3_128bits_digest(state_->xxh)); }

std::string xxh3_hex(std::span<const std::byte> data) {
  return to_hex(XXH3_128bits(data.data(), data.size()));
}

std::string xxh3_hex(std::string_view text) {
  return xxh3_hex(std::as_bytes(std::span(text.data(), text.size())));
}

}  // namespace vega
