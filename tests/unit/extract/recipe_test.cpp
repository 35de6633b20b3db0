// Options with their defaults resolved, and the scenes of a run.
#include "extract/recipe.h"

#include <catch2/catch.hpp>

#include "base/error.h"
#include "support/options.h"
#include "support/support.h"

namespace vega::extract {
namespace {
using Catch::Matchers::Contains;

FeatureOptions options(const std::string& compat, const std::string& dtype = "") {
  FeatureOptions o;
  test::set(o, "--compat", compat), test::set(o, "--dtype", dtype);
  return o;
}

TEST_CASE("--compat chooses view and latent constants, each of which is a switch of its own") {
  const Recipe reference = resolve(options("reference"));
  CHECK(reference.view == View::kMllm);
  CHECK(reference.compute == DType::kF32);
  CHECK_FALSE(reference.bf16_constants);  // the release computes in bf16; fp32 keeps fp32
  CHECK(resolve(options("reference", "bf16")).bf16_constants);
  CHECK(resolve(options("reference", "bf16")).compute == DType::kBF16);

  const Recipe fixed = resolve(options("fixed", "bf16"));
  CHECK(fixed.view == View::kStretch);
  CHECK_FALSE(fixed.bf16_constants);

  FeatureOptions o = options("fixed");
  test::set(o, "--view", "native"), test::set(o, "--latent-constants", "bf16");
  CHECK(resolve(o).view == View::kNative);
  CHECK(resolve(o).bf16_constants);
  o = options("reference", "bf16");
  test::set(o, "--latent-constants", "fp32");
  CHECK_FALSE(resolve(o).bf16_constants);

  CHECK(reference.size == ImageSize{832, 480});
  CHECK(reference.store_dtype == DType::kBF16);
  CHECK(reference.pool.height == 14);
  CHECK(reference.pool.width == 14);
  CHECK(reference.threads >= 1);
  CHECK(resolve(options("reference")).select.count == 32);
}

TEST_CASE("--precision fp8 wants bf16 and a diffusion model, and is another recipe") {
  FeatureOptions o = options("fixed", "bf16");
  const auto key = [](const FeatureOptions& given) {
    return resolve(given).key_options("room", {}, {}, true);
  };
  const std::string plain = key(o);
  CHECK_FALSE(resolve(o).backbone_options().fp8_feed_forward);
  test::set(o, "--precision", "dtype");
  CHECK(key(o) == plain);
  test::set(o, "--precision", "fp8");
  CHECK(resolve(o).backbone_options().fp8_feed_forward);
  CHECK_THAT(key(o), Contains(R"("feed_forward":"fp8")"));
  test::set(o, "--dtype", "fp32");
  CHECK_THROWS_AS(resolve(o), UsageError);
  o = options("fixed", "bf16");
  test::set(o, "--precision", "fp8"), test::set(o, "--backbone", "siglip");
  CHECK_THROWS_AS(resolve(o), UsageError);
}

TEST_CASE("pool and batch are read as given") {
  FeatureOptions o;
  test::set(o, "--pool", "7x9");
  CHECK(resolve(o).pool.height == 7);
  CHECK(resolve(o).pool.width == 9);
  test::set(o, "--pool", "native");
  CHECK(resolve(o).pool.height == 0);
  test::set(o, "--batch", "3");
  CHECK(resolve(o).batch == 3);
  test::set(o, "--batch", "auto");
  CHECK(resolve(o).batch >= 1);
  test::set(o, "--size", "1280x720");
  CHECK(resolve(o).batch >= 1);
}

TEST_CASE("options that make no sense are refused by name and value") {
  const auto refused = [](auto change, const std::string& option, const std::string& value) {
    const auto call = [&] {
      FeatureOptions o;
      change(o);
      resolve(o);
    };
    CHECK_THROWS_AS(call(), UsageError);
    CHECK_THROWS_WITH(call(), Contains(option) && Contains(value));
  };
  refused([](auto& o) { test::set(o, "--compat", "loose"); }, "--compat", "loose");
  refused([](auto& o) { test::set(o, "--view", "fisheye"); }, "view", "fisheye");
  refused([](auto& o) { test::set(o, "--size", "832"); }, "size", "832");
  refused([](auto& o) { test::set(o, "--pool", "14"); }, "--pool", "14");
  refused([](auto& o) { test::set(o, "--pool", "14x14x"); }, "--pool", "14x14x");
  refused([](auto& o) { test::set(o, "--pool", "-1x4"); }, "--pool", "-1x4");
  refused([](auto& o) { test::set(o, "--dtype", "fp16"); }, "--dtype", "fp16");
  refused([](auto& o) { test::set(o, "--dtype", "fp8"); }, "--dtype", "fp8");
  refused([](auto& o) { test::set(o, "--store-dtype", "i8"); }, "--store-dtype", "i8");
  refused([](auto& o) { test::set(o, "--latent-constants", "fp16"); }, "--latent-constants",
          "fp16");
  refused([](auto& o) { test::set(o, "--noise", "v2"); }, "--noise", "v2");
  refused([](auto& o) { test::set(o, "--noise", "stored:"); }, "--noise", "stored:");
  refused([](auto& o) { test::set(o, "--threads", "-1"); }, "--threads", "-1");
  refused([](auto& o) { test::set(o, "--batch", "0"); }, "--batch", "0");
  refused([](auto& o) { test::set(o, "--batch", "8x"); }, "--batch", "8x");
  refused([](auto& o) { test::set(o, "--select", "uniform:0"); }, "--select", "uniform:0");
  refused([](auto& o) { test::set(o, "--candidates", "every:0"); }, "--candidates", "every:0");
  refused([](auto& o) { o.device.device = "tpu"; }, "device", "tpu");
  refused([](auto& o) { test::set(o, "--timestep", "1001"); }, "--timestep", "1001");
  refused([](auto& o) { test::set(o, "--shift", "0"); }, "--shift", "0");
  refused([](auto& o) { test::set(o, "--schedule", "linear"); }, "--schedule", "linear");
}

TEST_CASE("the key covers what changes numbers, and nothing else") {
  FeatureOptions o;
  const auto key = [](const FeatureOptions& one, bool noise = true) {
    return resolve(one).key_options("room", SceneSource{}, {64, 48}, noise);
  };
  const std::string base = key(o);
  CHECK_THAT(base, Contains(R"("scene":"room")") && Contains(R"("seed":42)"));
  FeatureOptions same = o;
  same.run.threads = 7, test::set(same, "--batch", "5"), same.output.overwrite = true,
  same.no_thumbs = true;
  test::set(same, "--view", "mllm");    // the default by its name
  same.block = 3, same.timestep = 500;  // every tap has a key of its own
  test::set(same, "--select", "stride:3"), same.output.out = "elsewhere", same.output.tag = "tag";
  CHECK(key(same) == base);
  const auto differs = [&](auto change) {
    FeatureOptions other;
    change(other);
    CHECK(key(other) != base);
  };
  differs([](auto& x) { x.seed = 43; });
  differs([](auto& x) { test::set(x, "--noise", "zero"); });
  differs([](auto& x) { x.shift = 3; });
  differs([](auto& x) { test::set(x, "--schedule", "exact"); });
  differs([](auto& x) { test::set(x, "--size", "1280x720"); });
  differs([](auto& x) { test::set(x, "--view", "native"); });
  differs([](auto& x) { test::set(x, "--pool", "native"); });
  differs([](auto& x) { test::set(x, "--dtype", "bf16"); });
  differs([](auto& x) { test::set(x, "--store-dtype", "fp32"); });
  differs([](auto& x) { test::set(x, "--latent-constants", "bf16"); });
  CHECK(resolve(o).key_options("other", SceneSource{}, {64, 48}, true) != base);
  // center_crop takes its width from the depth images, the other views do not.
  CHECK(resolve(o).key_options("room", SceneSource{}, {32, 24}, true) == base);
  FeatureOptions crop = o;
  test::set(crop, "--view", "center_crop");
  CHECK(resolve(crop).key_options("room", SceneSource{}, {32, 24}, true) != key(crop));
  // A backbone without noise has neither seed nor schedule.
  FeatureOptions seeded;
  seeded.seed = 43, seeded.shift = 3;
  CHECK(key(seeded, false) == key(o, false));
}

TEST_CASE(
    "--recipe takes tap, schedule, size and view from a checkpoint, and contradictions are "
    "refused") {
  const test::TempFolder folder;
  const auto write = [&](const std::string& text) {
    test::write_text(folder / "config.json", text);
  };
  write(
      R"({"generative_vision_tower_type": "wan_t2v_online", "generative_vision_tower_size": "1280*720",
            "generative_vision_tower_timestep": 250, "generative_vision_tower_shift": 3.0,
            "generative_vision_tower_feat_block_idx": 15, "use_generative_feature": true})");
  FeatureOptions o;
  test::set(o, "--recipe", (folder / "").string());
  const Recipe r = resolve(o);
  CHECK(r.blocks == std::vector<std::int64_t>{15});
  CHECK(r.timesteps == std::vector<std::int64_t>{250});
  CHECK(r.shift == 3);
  CHECK(r.size == ImageSize{1280, 720});
  CHECK(r.view == View::kMllm);
  test::set(o, "--block", "15");  // the same
  CHECK(resolve(o).block == 15);
  test::set(o, "--block", "12");
  CHECK_THROWS_WITH(resolve(o), Contains("--block"));
  o.block.reset();
  test::set(o, "--blocks", "10,15");
  CHECK_THROWS_AS(resolve(o), UsageError);
  o.blocks.clear();
  o.backbone = "rgb";
  CHECK_THROWS_WITH(resolve(o), Contains("--backbone wan"));
  o.backbone = "wan";
  write("{}");
  CHECK_THROWS_WITH(resolve(o), Contains("nothing of a generative stream"));
  test::set(o, "--recipe", (folder / "none").string());
  CHECK_THROWS_WITH(resolve(o), Contains("no such file"));
}

}  // namespace
}  // namespace vega::extract
