// Counter-based random numbers: Philox4x32-10 (Salmon et al., SC 2011, "Parallel random numbers: as
// easy as 1, 2, 3"). A value depends on its key and counter alone: never on call order, threads,
// batch or device.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace vega {

using PhiloxCounter = std::array<std::uint32_t, 4>;
using PhiloxKey = std::array<std::uint32_t, 2>;

// One block of four words.
inline PhiloxCounter philox4x32(PhiloxCounter c, PhiloxKey k) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53U} * c[0];
    const std::uint64_t p1 = std::uint64_t{0xCD9E8D57U} * c[2];
    c = {static_cast<std::uint32_t>(p1 >> 32) ^ c[1] ^ k[0], static_cast<std::uint32_t>(p1),
         static_cast<std::uint32_t>(p0 >> 32) ^ c[3] ^ k[1], static_cast<std::uint32_t>(p0)};
    k[0] += 0x9E3779B9U;
    k[1] += 0xBB67AE85U;
  }
  return c;
}

// Low and high word of a 64-bit seed.
inline PhiloxKey philox_key(std::uint64_t seed) {
  return {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)};
}

// Open unit interval: (word + 0.5) / 2^32.
inline double philox_unit(std::uint32_t word) {
  return (static_cast<double>(word) + 0.5) * 0x1p-32;
}

// FNV-1a, 64 bits, over the bytes of a name.
constexpr std::uint64_t fnv1a64(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char ch : text) {
    hash ^= static_cast<unsigned char>(ch);
    hash *= 0x100000001b3U;
  }
  return hash;
}

// "noise v1": standard normals for one frame, element e in C order over (16, h, w).
//   counter = (e div 4, frame id, low and high word of FNV-1a-64(scene)), Box-Muller in double on
//   lanes (0,1) and (2,3).
// Bit-equal whatever else is selected, on every device (always evaluated on the host).
void noise_v1(std::uint64_t seed, std::string_view scene, std::int64_t frame_id,
              std::span<float> out);

// Uniform values mean + (2u - 1) * half for the tensor `name`, counter = (e div 4, high word,
// FNV-1a-64(name)). `first` is the index of out[0] in the tensor. Exact arithmetic: the same bits
// on every machine.
void uniform_tensor(std::uint64_t seed, std::string_view name, double mean, double half,
                    std::int64_t first, std::span<float> out);

}  // namespace vega
