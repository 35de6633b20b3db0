#include "models/wan/schedule.h"

#include <ATen/ATen.h>

#include <bit>
#include <catch2/catch.hpp>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "models/wan/dit.h"
#include "support/support.h"

using namespace vega;

namespace {

nlohmann::json read_golden() {
  std::ifstream in(test::golden("schedule.json"));
  return nlohmann::json::parse(in);
}

std::uint32_t word(const std::string& hex, std::size_t index) {
  return static_cast<std::uint32_t>(std::stoul(hex.substr(8 * index, 8), nullptr, 16));
}

// A JSON list of numbers, or one string of numbers.
std::vector<std::int64_t> numbers(const nlohmann::json& json) {
  if (json.is_array() && !json.empty() && json[0].is_number())
    return json.get<std::vector<std::int64_t>>();
  std::vector<std::int64_t> out;
  std::istringstream text(json.is_array() ? json[0].get<std::string>() : json.get<std::string>());
  for (std::int64_t value = 0; text >> value;) out.push_back(value);
  return out;
}

std::string hex_of(const nlohmann::json& json) {
  std::string text;
  if (json.is_string()) return json.get<std::string>();
  for (const auto& part : json) text += part.get<std::string>();
  return text;
}

}  // namespace

TEST_CASE("the schedule is the released one, bit for bit, for every target and four shifts") {
  const auto golden = read_golden();
  for (const int shift : {1, 3, 5, 8}) {
    const auto& table = golden["shifts"][std::to_string(shift)];
    const auto t = numbers(table["t"]);
    const std::string sigma = hex_of(table["sigma"]);
    REQUIRE(t.size() == 1001);
    REQUIRE(sigma.size() == 8 * 1001);
    for (std::int64_t asked = 0; asked <= 1000; ++asked) {
      const auto level = wan::noise_level(asked, shift, wan::Schedule::kRelease);
      CAPTURE(shift, asked);
      REQUIRE(level.t == t[static_cast<std::size_t>(asked)]);
      REQUIRE(std::bit_cast<std::uint32_t>(level.sigma) ==
              word(sigma, static_cast<std::size_t>(asked)));
    }
  }
}

TEST_CASE("timestep 300 is 299 at sigma 0.29992384, unless exact") {
  const auto release = wan::noise_level(300, 5, wan::Schedule::kRelease);
  CHECK(release.t == 299);
  CHECK(std::bit_cast<std::uint32_t>(release.sigma) == 0x3e998f9e);
  const auto exact = wan::noise_level(300, 5, wan::Schedule::kExact);
  CHECK(exact.t == 300);
  CHECK(exact.sigma == 0.3F);
  CHECK_THROWS_AS(wan::noise_level(1001, 5, wan::Schedule::kRelease), InputError);
  CHECK_THROWS_AS(wan::noise_level(300, 0, wan::Schedule::kRelease), InputError);
}

TEST_CASE("time vectors are those of the release to one unit in the last place") {
  const auto golden = read_golden();
  for (const std::int64_t t : {4, 299, 700}) {
    const std::string hex = hex_of(golden["time"][std::to_string(t)]);
    const at::Tensor v = wan::time_sinusoid(t, 256);
    REQUIRE(hex.size() == 8 * 256);
    for (std::size_t i = 0; i < 256; ++i) {
      std::int32_t mine = 0;
      std::memcpy(&mine, v.const_data_ptr<float>() + i, 4);
      CHECK(std::abs(mine - static_cast<std::int32_t>(word(hex, i))) <= 1);
    }
  }
}
