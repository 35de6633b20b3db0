// Models that say which block and noise level to take: defaults of `features`, runs in the place of
// models, and what `inspect` shows.
#include <ATen/ATen.h>

#include <catch2/catch.hpp>

#include "base/error.h"
#include "base/json.h"
#include "extract/model_reader.h"
#include "extract/recipe.h"
#include "extract_samples.h"
#include "support/small_wan.h"

namespace vega::extract {
namespace {
namespace fs = std::filesystem;
using Catch::Contains;

// RUN/run.json and RUN/model, and a scene of two frames.
struct RunSample {
  test::TempFolder temp;
  test::OwnMemory memory{temp / "memory"};
  fs::path run = temp / "run", model = run / "model";
  std::string scene = (temp / "room").string();

  RunSample() {
    fs::create_directories(run);
    test::write_text(run / "run.json", "{}");
    wan::write_wan_model(model, wan::ModelLayout::kDiffusers, test::small_dit_config(),
                         test::small_dit(), test::small_vae(), test::small_record());
    SceneOptions room;
    room.folder = scene, room.frames = 2, room.width = 64, room.height = 48;
    write_scene(room);
  }

  FeatureOptions options(const fs::path& given) const {
    FeatureOptions o;
    o.items.inputs = {scene};
    o.model = given.string();
    o.output.out = (temp / "features").string();
    return o;
  }
};

TEST_CASE("a model's record gives block, timestep, shift, size and view where the options do not") {
  const RunSample sample;
  const Recipe r = resolve(sample.options(sample.model));
  CHECK(r.blocks == std::vector<std::int64_t>{1});
  CHECK(r.timesteps == std::vector<std::int64_t>{250});
  CHECK(r.shift == 3);
  CHECK(r.size == ImageSize{64, 48});
  CHECK(r.view == View::kNative);
  FeatureOptions o = sample.options(sample.model);
  test::set(o, "--block", "2"), test::set(o, "--timestep", "100"), test::set(o, "--shift", "5");
  test::set(o, "--size", "128x96");
  const Recipe asked = resolve(o);
  CHECK(asked.blocks == std::vector<std::int64_t>{2});
  CHECK(asked.timesteps == std::vector<std::int64_t>{100});
  CHECK(asked.shift == 5);
  CHECK(asked.size == ImageSize{128, 96});
  CHECK(asked.view == View::kNative);
  // The record is asked before --compat, --view and --preset before the record.
  for (const char* compat : {"reference", "fixed"}) {
    FeatureOptions with = sample.options(sample.model);
    test::set(with, "--compat", compat);
    CHECK(resolve(with).view == View::kNative);
    test::set(with, "--view", "stretch");
    CHECK(resolve(with).view == View::kStretch);
    with.view.reset(), test::set(with, "--preset", "vega-3d");
    CHECK(resolve(with).view == View::kMllm);
  }
  // Several blocks: the default tap is the one nearest to the record's.
  test::set(o, "--blocks", "0,2"), o.block.reset();
  CHECK(resolve(o).block == 1);
}

TEST_CASE("a model without a record is taken at the released block and timestep") {
  const RunSample sample;
  fs::remove(sample.model / wan::kRecordFile);
  const Recipe r = resolve(sample.options(sample.model));
  CHECK(r.blocks == std::vector<std::int64_t>{20});
  CHECK(r.timesteps == std::vector<std::int64_t>{300});
  CHECK(r.shift == 5);
  CHECK(r.size == ImageSize{832, 480});
  CHECK(r.view == View::kMllm);
  FeatureOptions fixed = sample.options(sample.model);
  test::set(fixed, "--compat", "fixed");
  CHECK(resolve(fixed).view == View::kStretch);
  CHECK_THROWS_WITH(make_backbone(r.backbone_options()),
                    Contains("--block") && Contains("0 to 2 (blocks of this model"));
}

TEST_CASE("features of a run are those of its model, and its record enters no key") {
  const RunSample sample;
  const FeatureReader features = test::run_one(sample.options(sample.run));
  CHECK(features.header().default_tap == "b1_t250");
  CHECK(fs::exists(sample.temp / "features" / "run-64x48-native-14x14"));  // not "model-..."
  test::write_text(sample.model / wan::kRecordFile, R"({"schema": "vega.model/1", "block": 2})");
  FeatureOptions o = sample.options(sample.model);
  test::set(o, "--block", "1"), test::set(o, "--timestep", "250"), test::set(o, "--shift", "3");
  test::set(o, "--size", "64x48"), test::set(o, "--view", "native");
  o.output.out = (sample.temp / "again").string();
  CHECK(test::run_one(o).header().cache_key == features.header().cache_key);
}

TEST_CASE("inspect says what a model is and what it was trained on; verify finds damage") {
  const RunSample sample;
  const FileReader reader = model_reader();
  CHECK(reader.fits_folder(sample.model));
  CHECK_FALSE(reader.fits_folder(sample.run));
  CHECK_FALSE(reader.fits_folder(sample.scene));
  const std::string text = reader.inspect(sample.model);
  CHECK_THAT(text, Contains("diffusers layout") && Contains("3 blocks, width 24, 2 heads") &&
                       Contains("trained on         nothing at all") && Contains("auc") &&
                       Contains("view               native"));
  const auto json = parse_json(reader.inspect_json(sample.model));
  REQUIRE(json.has_value());
  CHECK((*json)["transformer"]["blocks"].whole() == 3);
  CHECK((*json)["vae"]["base"].whole() == 8);
  CHECK((*json)["record"]["timestep"].whole() == 250);
  CHECK(reader.verify(sample.model).empty());
  test::write_text(sample.model / wan::kRecordFile, "{}");
  const auto faults = reader.verify(sample.model);
  REQUIRE(faults.size() == 1);
  CHECK_THAT(faults[0].what, Contains("vega.model/1"));
  fs::remove(sample.model / wan::kRecordFile);
  CHECK_THAT(reader.inspect(sample.model), Contains("not said: no vega_model.json"));
  CHECK(reader.verify(sample.model).empty());
}

}  // namespace
}  // namespace vega::extract
