#include "base/natural.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

using namespace vega;

TEST_CASE("numbers within names count by their value") {
  std::vector<std::string> names = {"a10", "a2",  "b1", "a",     "a2b", "10",
                                    "9",   "a02", "",   "a2-10", "a2-9"};
  std::sort(names.begin(), names.end(), natural_less);
  CHECK(names == std::vector<std::string>{"", "9", "10", "a", "a02", "a2", "a2-9", "a2-10", "a2b",
                                          "a10", "b1"});
  CHECK(natural_less("000", "00000000000000000000000000001"));
  CHECK(natural_less("99999999999999999999", "100000000000000000000"));
  CHECK_FALSE(natural_less("x", "x"));
}
