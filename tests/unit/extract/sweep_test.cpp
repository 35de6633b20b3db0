// Several blocks in one pass.
#include <catch2/catch.hpp>

#include "base/error.h"
#include "extract/recipe.h"
#include "extract_samples.h"

using namespace vega;

TEST_CASE("blocks of one pass are bit-equal to blocks taken alone") {
  const test::Bench bench;
  const std::string scene = bench.scene("room", 3);
  extract::FeatureOptions o = bench.options(scene, "sweep");
  o.select = "stride:1", o.store_dtype = "fp32", o.blocks = "3,7:9:2,20";
  const FeatureReader sweep = test::run_one(o);
  REQUIRE(sweep.taps().size() == 4);
  CHECK(sweep.header().default_tap == "b20_t300");
  for (const std::int64_t block : {3, 7, 9, 20}) {
    extract::FeatureOptions one = o;
    one.blocks = "", one.block = block,
    one.out = (bench.folder / ("b" + std::to_string(block))).string();
    const FeatureReader alone = test::run_one(one);
    const std::string name = "b" + std::to_string(block) + "_t300";
    CHECK((alone.read_tokens(0, 0, 3) == sweep.read_tokens(sweep.tap_index(name), 0, 3)));
    CHECK(alone.taps()[0].cache_key == sweep.taps()[sweep.tap_index(name)].cache_key);
  }
  // Only what is missing is computed and added; the rest is kept as it is.
  o.blocks = "3,5";
  const FeatureReader more = test::run_one(o);
  CHECK(more.taps().size() == 5);
  CHECK((more.read_tokens(more.tap_index("b9_t300"), 0, 3) ==
         sweep.read_tokens(sweep.tap_index("b9_t300"), 0, 3)));
}

TEST_CASE("lists of numbers: commas and ranges whose end counts") {
  extract::FeatureOptions o;
  const auto blocks = [&](const std::string& text) {
    o.blocks = text;
    return extract::resolve(o).blocks;
  };
  CHECK(blocks("10,12,15") == std::vector<std::int64_t>{10, 12, 15});
  CHECK(blocks("0:20:10") == std::vector<std::int64_t>{0, 10, 20});
  CHECK(blocks("5:7,6,1") == std::vector<std::int64_t>{1, 5, 6, 7});
  for (const char* bad : {"x", "1,", ",", "1:", "1:2:0", "1:2:3:4", "-1", "3.5", "9:1"}) {
    CAPTURE(bad);
    CHECK_THROWS_AS(blocks(bad), UsageError);
  }
}
