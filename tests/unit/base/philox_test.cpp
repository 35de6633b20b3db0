#include "base/philox.h"

#include <bit>
#include <catch2/catch.hpp>
#include <numeric>
#include <vector>

using namespace vega;

TEST_CASE("Philox4x32-10 gives the published answers") {
  CHECK(philox4x32({0, 0, 0, 0}, {0, 0}) ==
        PhiloxCounter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  const std::uint32_t f = 0xffffffff;
  CHECK(philox4x32({f, f, f, f}, {f, f}) ==
        PhiloxCounter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        PhiloxCounter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("FNV-1a-64 gives the published answers") {
  CHECK(fnv1a64("") == 0xcbf29ce484222325U);
  CHECK(fnv1a64("foobar") == 0x85944171f73967e8U);
  CHECK(fnv1a64("scene0000_00") == 0xb9b51475ab2222b4U);
}

TEST_CASE("noise v1 is bit-exact") {
  const auto bits = [](std::uint64_t seed, std::int64_t frame) {
    std::vector<float> eps(16 * 60 * 104);
    noise_v1(seed, "scene0000_00", frame, eps);
    return eps;
  };
  const auto first = [](const std::vector<float>& eps, int i) {
    return std::bit_cast<std::uint32_t>(eps[i]);
  };
  const auto a = bits(42, 0);
  CHECK(first(a, 0) == 0x3f0c990a);
  CHECK(first(a, 1) == 0xbffdf95e);
  CHECK(first(a, 2) == 0xbf163ef7);
  CHECK(first(a, 3) == 0x3f29d956);
  CHECK(a.back() == Approx(1.12493312).epsilon(1e-8));
  CHECK(std::accumulate(a.begin(), a.end(), 0.0) == Approx(-78.293553309).epsilon(1e-10));
  const auto b = bits(42, 7);
  CHECK(first(b, 0) == 0x3dbded99);
  CHECK(first(b, 1) == 0xc014c2e2);
  CHECK(first(b, 2) == 0x402c13ed);
  CHECK(first(b, 3) == 0x3d7a7ed6);
  const auto c = bits((1ULL << 32) + 42, 0);
  CHECK(first(c, 0) == 0x3f3cd9f0);
  CHECK(first(c, 3) == 0x3e3c0086);
}

TEST_CASE("uniform tensors do not depend on how they are cut") {
  std::vector<float> whole(37), part(30);
  uniform_tensor(7, "x", 0.5, 2.0, 0, whole);
  uniform_tensor(7, "x", 0.5, 2.0, 7, part);
  for (std::size_t i = 0; i < part.size(); ++i) CHECK(part[i] == whole[i + 7]);
}
