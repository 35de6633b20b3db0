// What --size, --view and --pool mean to each backbone where they are left out.
#include <catch2/catch.hpp>

#include "base/error.h"
#include "extract/recipe.h"
#include "extract/scene_options.h"
#include "support/options.h"

namespace vega::extract {
namespace {
using Catch::Matchers::Contains;

FeatureOptions siglip() {
  FeatureOptions o;
  o.backbone = "siglip", o.model = "m";
  return o;
}

TEST_CASE("defaults are the backbone's") {
  FeatureOptions o = siglip();
  for (const std::string compat : {"reference", "fixed"}) {
    test::set(o, "--compat", compat);
    const Recipe r = resolve(o);
    CHECK(r.size == ImageSize{384, 384});
    CHECK(r.view == View::kMllm);
    CHECK(r.pool.height == 0);
    CHECK(r.pool.name == "native");
  }
  for (const std::string backbone : {"wan", "rgb"}) {
    FeatureOptions other;
    other.backbone = backbone;
    const Recipe r = resolve(other);
    CHECK(r.size == ImageSize{832, 480});
    CHECK(r.pool.name == "14x14");
    test::set(other, "--compat", "fixed");
    CHECK(resolve(other).view == View::kStretch);
  }
}

TEST_CASE("siglip takes another pool and the baseline's crop") {
  FeatureOptions o = siglip();
  test::set(o, "--pool", "14x14"), test::set(o, "--view", "center_crop"),
      test::set(o, "--size", "384x384");
  const Recipe r = resolve(o);
  CHECK(r.pool.height == 14);
  CHECK(r.view == View::kCenterCrop);
  CHECK(r.size == ImageSize{384, 384});
}

TEST_CASE("--preset is the view of a released model's frames, and no other view stands beside it") {
  FeatureOptions o = siglip();
  test::set(o, "--preset", "video3d-llm");
  CHECK(resolve(o).view == View::kCenterCrop);
  FeatureOptions crop = siglip();
  test::set(crop, "--view", "center_crop");
  CHECK(resolve(o).key_options("room", SceneSource{}, {64, 48}, false) ==
        resolve(crop).key_options("room", SceneSource{}, {64, 48}, false));
  test::set(o, "--view", "center_crop");
  CHECK(resolve(o).view == View::kCenterCrop);
  test::set(o, "--view", "mllm");
  CHECK_THROWS_WITH(resolve(o), Contains("--view mllm: got --preset video3d-llm beside it"));
  FeatureOptions wan;
  test::set(wan, "--preset", "video3d-llm");
  CHECK_THROWS_WITH(resolve(wan), Contains("Video-3D-LLM has no generative stream"));
  test::set(wan, "--preset", "vega-3d");
  test::set(wan, "--compat", "fixed");
  CHECK(resolve(wan).view == View::kMllm);

  SceneFileOptions scene;
  CHECK(resolve_scene(scene).view == View::kMllm);
  test::set(scene, "--preset", "video3d-llm");
  CHECK(resolve_scene(scene).view == View::kCenterCrop);
  test::set(scene, "--view", "mllm");
  CHECK_THROWS_AS(resolve_scene(scene), UsageError);
}

TEST_CASE("siglip refuses what it has no use for, with a way out") {
  const auto refused = [](auto change, const std::string& option, const std::string& value) {
    FeatureOptions o = siglip();
    change(o);
    CHECK_THROWS_AS(resolve(o), UsageError);
    CHECK_THROWS_WITH(resolve(o), Contains(option) && Contains(value) && Contains("siglip") &&
                                      Contains("leave the option out"));
  };
  refused([](auto& o) { test::set(o, "--size", "832x480"); }, "--size", "384x384");
  refused([](auto& o) { test::set(o, "--view", "stretch"); }, "--view", "mllm or center_crop");
  refused([](auto& o) { test::set(o, "--view", "native"); }, "--view", "mllm or center_crop");
  refused([](auto& o) { o.prompt = "p.h5"; }, "--prompt", "diffusion");
  refused([](auto& o) { o.block = 5; }, "--block", "diffusion");
  refused([](auto& o) { test::set(o, "--timesteps", "1,2"); }, "--timesteps", "diffusion");
  refused([](auto& o) { test::set(o, "--noise", "zero"); }, "--noise", "diffusion");
}

TEST_CASE("the compute type counts for the key of every network, not of the colours") {
  const auto key = [](const std::string& backbone, const std::string& dtype) {
    FeatureOptions o;
    o.backbone = backbone, test::set(o, "--dtype", dtype);
    return resolve(o).key_options("scene", {}, {}, backbone == "wan");
  };
  CHECK(key("siglip", "bf16") != key("siglip", "fp32"));
  CHECK(key("wan", "bf16") != key("wan", "fp32"));
  CHECK(key("rgb", "bf16") == key("rgb", "fp32"));
  CHECK_THAT(key("siglip", "bf16"), !Contains("noise") && !Contains("schedule"));
}

}  // namespace
}  // namespace vega::extract
