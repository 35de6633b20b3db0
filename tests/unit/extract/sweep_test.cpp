// Several blocks in one pass, several timesteps over frames that are encoded once.
#include <catch2/catch.hpp>

#include "base/error.h"
#include "extract/recipe.h"
#include "extract_samples.h"

using namespace vega;

TEST_CASE("blocks of one pass are bit-equal to blocks taken alone") {
  const test::Bench bench;
  const std::string scene = bench.scene("room", 3);
  extract::FeatureOptions o = bench.options(scene, "sweep");
  test::set(o, "--select", "stride:1"), test::set(o, "--store-dtype", "fp32"),
      test::set(o, "--blocks", "3,7:9:2,20");
  const FeatureReader sweep = test::run_one(o);
  REQUIRE(sweep.taps().size() == 4);
  CHECK(sweep.header().default_tap == "b20_t300");
  for (const std::int64_t block : {3, 7, 9, 20}) {
    extract::FeatureOptions one = o;
    one.blocks.clear(), one.block = block,
                        one.output.out = (bench.folder / ("b" + std::to_string(block))).string();
    const FeatureReader alone = test::run_one(one);
    const std::string name = "b" + std::to_string(block) + "_t300";
    CHECK((alone.read_tokens(0, 0, 3) == sweep.read_tokens(sweep.tap_index(name), 0, 3)));
    CHECK(alone.taps()[0].cache_key == sweep.taps()[sweep.tap_index(name)].cache_key);
  }
  // Only what is missing is computed and added; the rest is kept as it is.
  test::set(o, "--blocks", "3,5");
  const FeatureReader more = test::run_one(o);
  CHECK(more.taps().size() == 5);
  CHECK((more.read_tokens(more.tap_index("b9_t300"), 0, 3) ==
         sweep.read_tokens(sweep.tap_index("b9_t300"), 0, 3)));
}

TEST_CASE("a sweep over blocks and timesteps is bit-equal to single taps") {
  const test::Bench bench;
  const std::string scene = bench.scene("room", 3);
  extract::FeatureOptions o = bench.options(scene, "sweep");
  test::set(o, "--select", "stride:1"), test::set(o, "--store-dtype", "fp32"),
      test::set(o, "--blocks", "3,20"), test::set(o, "--timesteps", "0:1000:300,299");
  const FeatureReader sweep = test::run_one(o);
  REQUIRE(sweep.taps().size() == 10);
  CHECK(sweep.header().default_tap == "b20_t300");
  CHECK(sweep.header().provenance.at("encoded_frames") == "3");
  CHECK(sweep.header().provenance.at("passes") == "5");
  for (const std::int64_t timestep : {0, 299, 300, 600, 900}) {
    for (const std::int64_t block : {3, 20}) {
      extract::FeatureOptions one = o;
      one.blocks.clear(), one.timesteps.clear(), one.block = block, one.timestep = timestep;
      const std::string name = "b" + std::to_string(block) + "_t" + std::to_string(timestep);
      one.output.out = (bench.folder / name).string();
      const FeatureReader alone = test::run_one(one);
      const TapInfo& tap = sweep.taps()[sweep.tap_index(name)];
      CAPTURE(name);
      CHECK((alone.read_tokens(0, 0, 3) == sweep.read_tokens(sweep.tap_index(name), 0, 3)));
      CHECK(alone.taps()[0].cache_key == tap.cache_key);
      CHECK(alone.taps()[0].sigma == tap.sigma);
      CHECK(alone.taps()[0].timestep_used == tap.timestep_used);
      CHECK(alone.taps()[0].noise_xxh3 == tap.noise_xxh3);
    }
  }
  // The taps differ from each other: no pass was run with another one's weights or noise.
  CHECK((sweep.read_tokens(sweep.tap_index("b20_t0"), 0, 1) !=
         sweep.read_tokens(sweep.tap_index("b20_t600"), 0, 1)));
}

TEST_CASE("taps added later cost only what is missing") {
  const test::Bench bench;
  extract::FeatureOptions o = bench.options(bench.scene("room", 2), "sweep");
  test::set(o, "--select", "stride:1"), test::set(o, "--blocks", "3,9"),
      test::set(o, "--timesteps", "300,500");
  test::run_one(o);
  test::set(o, "--blocks", "3,9,12"), test::set(o, "--timesteps", "300,500,700");
  const FeatureReader more = test::run_one(o);
  CHECK(more.taps().size() == 9);
  CHECK(more.header().provenance.at("passes") == "3");
  // One timestep lacks a tap: one pass, up to that block.
  test::set(o, "--blocks", "5"), test::set(o, "--timesteps", "500");
  const FeatureReader last = test::run_one(o);
  CHECK(last.taps().size() == 10);
  CHECK(last.header().provenance.at("passes") == "1");
  o.output.out = (bench.folder / "alone").string();
  const FeatureReader alone = test::run_one(o);
  CHECK((alone.read_tokens(0, 0, 2) == last.read_tokens(last.tap_index("b5_t500"), 0, 2)));
}

TEST_CASE("scenes of one sweep do not depend on the one before") {
  const test::Bench bench;
  extract::FeatureOptions o = bench.options("", "both");
  o.items.inputs = {bench.scene("one", 2), bench.scene("two", 2)};
  test::set(o, "--select", "stride:1"),
      test::set(o, "--timesteps", "100,700");  // the second scene goes from 700 down to 100
  test::Manifest manifest;
  test::run(o, &manifest);
  o.items.inputs = {o.items.inputs[1]}, o.output.out = (bench.folder / "alone").string();
  const FeatureReader both(manifest.at(1).second), alone = test::run_one(o);
  REQUIRE(alone.taps().size() == 2);
  for (std::size_t tap = 0; tap < 2; ++tap)
    CHECK((both.read_tokens(tap, 0, 2) == alone.read_tokens(tap, 0, 2)));
}

TEST_CASE("lists of numbers: commas and ranges whose end counts") {
  extract::FeatureOptions o;
  const auto blocks = [&](const std::string& text) {
    test::set(o, "--blocks", text);
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
