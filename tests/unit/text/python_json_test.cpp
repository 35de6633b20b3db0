#include "text/python_json.h"

#include <catch2/catch.hpp>
#include <limits>

using namespace vega;
using namespace vega::text;

TEST_CASE("floats are written as Python's repr writes them") {
  CHECK(python_float(0) == "0.0");
  CHECK(python_float(-0.0) == "-0.0");
  CHECK(python_float(1) == "1.0");
  CHECK(python_float(0.1) == "0.1");
  CHECK(python_float(-2.5) == "-2.5");
  CHECK(python_float(1e-4) == "0.0001");
  CHECK(python_float(1e-5) == "1e-05");
  CHECK(python_float(1.25e-7) == "1.25e-07");
  CHECK(python_float(1e15) == "1000000000000000.0");
  CHECK(python_float(123456789012345678.0) == "1.2345678901234568e+17");
  CHECK(python_float(1e16) == "1e+16");
  CHECK(python_float(9007199254740993.0) == "9007199254740992.0");
  CHECK(python_float(1e300) == "1e+300");
  CHECK(python_float(1.0F / 3.0F) == "0.3333333432674408");
  CHECK(python_float(std::numeric_limits<double>::denorm_min()) == "5e-324");
  CHECK(python_float(std::numeric_limits<double>::infinity()) == "Infinity");
}

TEST_CASE("JSON is laid out as json.dumps lays it out") {
  const Json value = {{"a", 1},
                      {"b", Json::list({1.5, nullptr, true, Json::list(), Json::object()})},
                      {"c", "\"\\/\n\t\x7f \u00e9 \U0001F600"}};
  CHECK(python_json(value) ==
        R"({"a": 1, "b": [1.5, null, true, [], {}], "c": "\"\\/\n\t\u007f \u00e9 \ud83d\ude00"})");
  CHECK(python_json(Json(std::numeric_limits<std::uint64_t>::max())) == "18446744073709551615");
  CHECK(python_json(Json(false)) == "false");
  CHECK(python_json(Json("\xff")) == "\"\\ufffd\"");
}
