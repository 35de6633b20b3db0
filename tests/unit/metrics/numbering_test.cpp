#include "metrics/numbering.h"

#include <catch2/catch.hpp>
#include <map>
#include <set>

using namespace vega::metrics;

TEST_CASE(
    "texts and pairs have the numbers of their first coming, and keep them while tables grow") {
  TextNumbers texts;
  PairNumbers pairs;
  CHECK(texts.find("") == kNoNumber);
  CHECK(texts.add("") == 0);
  for (std::uint32_t i = 1; i < 5000; ++i) {
    CHECK(texts.add("word " + std::to_string(i)) == i);
    CHECK(texts.add("word " + std::to_string(i / 2 + 1)) == i / 2 + 1);
  }
  CHECK(texts.size() == 5000);
  CHECK(texts.find("word 4999") == 4999);
  CHECK(texts.text(17) == "word 17");
  CHECK(texts.find("word") == kNoNumber);
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> expected;
  for (std::uint32_t i = 0; i < 5000; ++i) {
    const std::pair<std::uint32_t, std::uint32_t> pair = {i % 71 == 0 ? kNoNumber : i % 71, i % 97};
    const auto [at, is_new] =
        expected.try_emplace(pair, static_cast<std::uint32_t>(expected.size()));
    CHECK(pairs.add(pair.first, pair.second) == at->second);
  }
  std::size_t seen = 0;
  pairs.each([&](std::uint32_t a, std::uint32_t b, std::uint32_t number) {
    CHECK(expected.at({a, b}) == number);
    ++seen;
  });
  CHECK(seen == expected.size());
}
