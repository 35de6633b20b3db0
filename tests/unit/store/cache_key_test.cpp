#include "store/cache_key.h"

#include <catch2/catch.hpp>
#include <limits>

#include "base/error.h"

using namespace vega;

TEST_CASE("the cache key depends on each part and not on the order of options") {
  const std::string key = cache_key("s/1", R"({"a": 1, "b": {"d": 2, "c": [3, 4]}})", "m", "i");
  CHECK(key.size() == 32);
  CHECK(key == cache_key("s/1", R"({"b":{"c":[3,4],"d":2},"a":1})", "m", "i"));
  CHECK(key != cache_key("s/2", R"({"a": 1, "b": {"d": 2, "c": [3, 4]}})", "m", "i"));
  CHECK(key != cache_key("s/1", R"({"a": 1, "b": {"d": 2, "c": [4, 3]}})", "m", "i"));
  CHECK(key != cache_key("s/1", R"({"a": 1, "b": {"d": 2, "c": [3, 4]}})", "mi", ""));
  CHECK(key != cache_key("s/1", R"({"a": 1, "b": {"d": 2, "c": [3, 4]}})", "", "mi"));
  CHECK(canonical_json(R"({"b": 1, "a": 2})") == R"({"a":2,"b":1})");
  CHECK_THROWS_AS(canonical_json("[1]"), InputError);
  CHECK_THROWS_AS(canonical_json("{"), InputError);
}

TEST_CASE("the key of a tap tells file, block and timestep apart") {
  CHECK(tap_key("f", 20, 300) == tap_key("f", 20, 300.0));
  CHECK(tap_key("f", 20, 300) != tap_key("f", 20, 300.5));
  CHECK(tap_key("f", 20, 300) != tap_key("f", 21, 300));
  CHECK(tap_key("f", 20, 300) != tap_key("g", 20, 300));
}

TEST_CASE("the input fingerprint covers ids, bytes, poses and their order") {
  const std::vector<std::byte> a{std::byte{1}, std::byte{2}}, b{std::byte{3}};
  std::array<double, 16> pose{}, moved{}, unknown{}, also_unknown{};
  moved[3] = 1e-12;
  unknown.fill(std::numeric_limits<double>::quiet_NaN());
  also_unknown.fill(-std::numeric_limits<double>::quiet_NaN());
  using Frame = std::tuple<int, std::vector<std::byte>, const std::array<double, 16>*>;
  const auto hash = [](const std::vector<Frame>& frames) {
    InputFingerprint print;
    for (const auto& [id, bytes, p] : frames) print.add_frame(id, bytes, p);
    return print.hex();
  };
  const auto base = hash({{0, a, &pose}, {1, b, &pose}});
  CHECK(base == hash({{0, a, &pose}, {1, b, &pose}}));
  CHECK(base != hash({{1, b, &pose}, {0, a, &pose}}));
  CHECK(base != hash({{0, a, &pose}, {2, b, &pose}}));
  CHECK(base != hash({{0, a, &pose}, {1, a, &pose}}));
  CHECK(base != hash({{0, a, &pose}, {1, b, &moved}}));
  CHECK(base != hash({{0, a, &pose}, {1, b, nullptr}}));
  CHECK(base != hash({{0, a, &pose}}));
  CHECK(hash({{0, a, &unknown}}) == hash({{0, a, &also_unknown}}));
  CHECK(hash({{0, a, &unknown}}) != hash({{0, a, nullptr}}));
}
