#include "base/dtype.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "base/error.h"

using namespace vega;

TEST_CASE("every f16 value survives the way to f32 and back") {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = f32_from_f16(static_cast<std::uint16_t>(bits));
    if (std::isnan(value)) continue;
    REQUIRE(f16_from_f32(value) == bits);
  }
  CHECK(f16_from_f32(65520.0F) == 0x7c00);
  CHECK(f16_from_f32(65519.0F) == 0x7bff);
}

TEST_CASE("bf16 rounds to nearest even and keeps NaN") {
  CHECK(bf16_from_f32(1.00390625F) == 0x3f80);  // tie to even
  CHECK(bf16_from_f32(1.01171875F) == 0x3f82);  // tie to even, upwards
  CHECK(std::isnan(f32_from_bf16(bf16_from_f32(std::numeric_limits<float>::quiet_NaN()))));
}

TEST_CASE("shapes that overflow are refused") {
  CHECK(element_count({2, 3, 4}) == 24);
  CHECK(element_count({}) == 1);
  CHECK_THROWS_AS(element_count({1LL << 40, 1LL << 40}), InputError);
  CHECK_THROWS_AS(element_count({-1}), InputError);
}
