#include "geometry/cover.h"

#include <catch2/catch.hpp>
#include <vector>

#include "base/error.h"

using namespace vega;

// The sizes of the release (wan_t2v_encoder.py), and round half to even.
TEST_CASE("cover plans of the released sizes") {
  struct Row {
    ImageSize in, out, resized;
    int top;
  };
  const std::vector<Row> rows = {{{384, 384}, {832, 480}, {832, 832}, 176},
                                 {{640, 480}, {832, 480}, {832, 624}, 72},
                                 {{1296, 968}, {832, 480}, {832, 621}, 70},
                                 {{384, 384}, {1280, 720}, {1280, 1280}, 280},
                                 {{640, 480}, {1280, 720}, {1280, 960}, 120},
                                 {{1296, 968}, {1280, 720}, {1280, 956}, 118},
                                 {{384, 384}, {560, 336}, {560, 560}, 112},
                                 {{640, 480}, {560, 336}, {560, 420}, 42},
                                 {{1296, 968}, {560, 336}, {560, 418}, 41},
                                 {{20, 13}, {10, 6}, {10, 6}, 0},
                                 {{20, 15}, {10, 7}, {10, 8}, 0}};
  for (const auto& row : rows) {
    INFO(to_string(row.in) << " to " << to_string(row.out));
    const CoverPlan plan = plan_cover(row.in, row.out);
    CHECK(plan.resized == row.resized);
    CHECK(plan.top == row.top);
    CHECK(plan.left == 0);
  }
  // Never smaller than the crop, whatever the sizes.
  for (int n = 1; n < 300; ++n) {
    for (int m = 1; m < 300; m += 7) {
      const CoverPlan plan = plan_cover({n, m}, {m, n});
      REQUIRE(plan.resized.width >= m);
      REQUIRE(plan.resized.height >= n);
    }
  }
}
