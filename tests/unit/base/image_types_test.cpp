#include "base/image_types.h"

#include <catch2/catch.hpp>

#include "base/error.h"

using namespace vega;

TEST_CASE("sizes parse") {
  CHECK(parse_size("832x480") == ImageSize{832, 480});
  CHECK(to_string(ImageSize{832, 480}) == "832x480");
  for (const char* bad : {"", "832", "832x", "x480", "0x480", "832x-1", "832X480", "832x480x3",
                          " 832x480", "99999x1"}) {
    INFO(bad);
    CHECK_THROWS_AS(parse_size(bad), UsageError);
  }
}
