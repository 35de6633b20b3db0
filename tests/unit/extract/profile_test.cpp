// vega-extract profile: its rows against the closed form of what a network has to do.
#include "extract/profile_verb.h"

#include <catch2/catch.hpp>
#include <string>

#include "base/error.h"
#include "base/json.h"
#include "extract/recipe.h"
#include "extract_samples.h"

namespace vega::extract {
namespace {

struct Table {
  std::string text;
  Json json;
};

Table profiled(const test::Bench& bench, const ProfileOptions& options) {
  Table out;
  Context context;
  context.progress = ProgressMode::kOff;
  context.print = [&](const std::string& text) { out.text += text; };
  context.manifest = [&](const std::string& key, const std::string& path) {
    CHECK(key == "profile");
    out.json = read_json(path, "a profile");
  };
  ProfileOptions o = options;
  o.features.model = bench.model;
  CHECK(run_profile(o, context).done == 1);
  return out;
}

TEST_CASE("the rows of a profile are the whole: products as the closed form has them") {
  const test::Bench bench;
  ProfileOptions o;
  test::set(o, "--size", "96x64"), test::set(o, "--block", "3");
  test::set(o, "--frames", "3"), test::set(o, "--threads", "2");
  o.out = (bench.folder / "profile.json").string();
  const Json json = profiled(bench, o).json;
  CHECK(*json["schema"].text() == "vega.operators/1");
  CHECK(json["frames"].number() == 3);
  CHECK(json["workers"].number() == 2);
  double share = 0, gflop = 0;
  std::string names;
  const auto rows = json["rows"].elements();
  REQUIRE(rows.size() > 3);
  for (const Json& row : rows.first(rows.size() - 1)) {
    share += *row["share"].number(), gflop += *row["gflop"].number();
    names += std::string(*row["operators"].text()) + "; ";
  }
  CHECK(share == Approx(1).epsilon(1e-9));
  const Json& whole = rows.back();
  CHECK(*whole["operators"].text() == "a frame");
  CHECK(*whole["gflop"].number() == Approx(gflop).epsilon(1e-12));
  INFO(names);
  CHECK(names.find("VAE convolutions; ") != names.npos);
  CHECK(names.find("feed-forward with GELU; ") != names.npos);
  CHECK(names.find("in no group; ") != names.npos);
  // The folded cross-attention has rows up to a multiple of 8, which the closed form leaves out:
  // 2 heads of a prompt of one row become 8 columns, 6 more a token and block.
  FeatureOptions features = o.features;
  features.model = bench.model;
  const Recipe recipe = resolve(features);
  const Cost cost = make_backbone(recipe.backbone_options())->cost();
  const double padding = 4 * 2.0 * (96 / 16) * (64 / 16) * 256 * 6;
  CHECK(1e9 * gflop == Approx(cost.once_flops + cost.pass_flops + padding).epsilon(1e-6));
}

TEST_CASE("a profile is printed where no file is asked for, and rgb has none") {
  const test::Bench bench;
  ProfileOptions o;
  test::set(o, "--size", "64x48"), test::set(o, "--block", "0"), test::set(o, "--frames", "1");
  const std::string text = profiled(bench, o).text;
  CHECK(text.find("of the roofline") != text.npos);
  CHECK(text.find("a frame ") != text.npos);
  test::set(o, "--backbone", "rgb");
  CHECK_THROWS_AS(run_profile(o, Context{}), UsageError);
}

}  // namespace
}  // namespace vega::extract
