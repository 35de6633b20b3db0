#include "correspondence/report.h"
#include "correspondence/record.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "unit/correspondence/made_up.h"

using namespace vega;
using nlohmann::json;

namespace {

SceneScore scored(const std::string& key, const test::MadeUp& made,
                  std::vector<Center> centers = {Center::kNone, Center::kMean}) {
  return score_scene(key, made.tokens(), {.centers = std::move(centers), .auc_pairs = 400});
}

test::MadeUp constant() {
  test::MadeUp made = test::random_scene(4, 7, 7, 16, 0.6F, 5);
  std::fill(made.features.begin(), made.features.end(), 0.25F);
  return made;
}

std::vector<FeatureSet> three_sets() {
  const test::MadeUp codes = test::coded_scene(4, 7, 7, 64, 4, 3);
  const test::MadeUp noise = test::random_scene(4, 7, 7, 64, 0.6F, 3);
  return {{"noise", {scored("a", noise), scored("b", noise)}},
          {"codes", {scored("b", codes), scored("c", codes), scored("a", codes)}},
          {"constant", {scored("a", constant()), scored("b", constant())}}};
}

}  // namespace

TEST_CASE("a scene's numbers: constant features") {
  const SceneScore scene = scored("k", constant());
  CHECK(scene.views == 4);
  CHECK(scene.tokens == 4 * 49);
  const auto value = [&](const std::string& name) {
    for (const Metric& m : scene_metrics(scene)) {
      if (m.name == name) return m.value;
    }
    FAIL("no metric " << name);
    return 0.0;
  };
  CHECK(value("multi_view") == Approx(1));
  CHECK(value("adjacent") == Approx(1));
  CHECK(std::abs(value("multi_view_margin")) < 1e-6);
  CHECK(std::abs(value("adjacent_margin")) < 1e-6);
  CHECK(value("auc") == 0.5);
  CHECK(value("multi_view@mean") == 0);
  CHECK(value("auc@mean") == 0.5);
  CHECK_THROWS_AS(scored("k", constant(), {Center::kMean, Center::kMean}), InputError);
}

TEST_CASE("tables need no maps and no lists of matches; views are named as the caller does") {
  SceneScore scene = scored("k", constant());
  const Table before = pair_table({"x", {scene}});
  const Json document = set_json({"x", {scene}});
  drop_details(scene);
  CHECK(scene.centered[0].multi_view.map.empty());
  CHECK(scene.centered[1].adjacent.pairs[2].map_b.empty());
  CHECK(scene.centered[1].matches.pairs[2].kept.empty());
  CHECK(pair_table({"x", {scene}}).rows() == before.rows());
  CHECK(set_json({"x", {scene}}).dump() == document.dump());
  scene.frame_ids = {7, 70, 700, 7000};
  CHECK(pair_table({"x", {scene}}).rows()[1][2] == "70");
  CHECK(pair_table({"x", {scene}}).rows()[1][3] == "700");
  CHECK(json::parse(set_json({"x", {scene}}).dump())["scenes"][0]["frame_ids"][3] == 7000);
}

TEST_CASE("means over scenes leave out what is not defined") {
  SceneScore a = scored("a", constant(), {Center::kNone}), b = a, c = a;
  a.centered[0].multi_view.score = 0.5;
  b.centered[0].multi_view.score = 0.9;
  c.centered[0].multi_view.score = NAN;
  const SetScore set = score_set({"x", {a, b, c}});
  CHECK(set.scenes == 3);
  CHECK(set.at("multi_view").mean == Approx(0.7));
  CHECK(set.at("multi_view").count == 2);
  CHECK(set.at("multi_view").deviation == Approx(0.4 / std::sqrt(2.0)));
  CHECK(set.at("multi_view").error == Approx(0.2));
  CHECK(std::isnan(set.at("nothing").mean));
  CHECK(score_set({"none", {}}).metrics.empty());
}

TEST_CASE("feature folders side by side, on the scenes they share") {
  const std::vector<FeatureSet> sets = three_sets();
  const Comparison raw = compare_sets(sets);
  CHECK(raw.common == 2);
  CHECK(raw.left_out == std::vector<std::string>{"c"});
  CHECK(raw.ranked[2].name == "noise");
  const Comparison centred = compare_sets(sets, "multi_view@mean");
  CHECK(centred.ranked[0].name == "codes");
  CHECK(centred.ranked[0].at("multi_view@mean").mean == Approx(1).margin(1e-6));
  const Comparison unknown = compare_sets(sets, "nothing");
  CHECK(unknown.ranked[0].name == "noise");  // their order
  CHECK(compare_sets(sets, "match_distance_m@mean").ranked[0].name == "codes");
  CHECK(compare_sets(sets, "unrelated_cosine").ranked[2].name == "constant");
  const std::vector<FeatureSet> apart = {{"x", {sets[0].scenes[0]}}, {"y", {sets[0].scenes[1]}}};
  CHECK_THROWS_AS(compare_sets(apart), InputError);
  const std::vector<FeatureSet> twice = {{"x", {sets[0].scenes[0], sets[0].scenes[0]}}};
  CHECK_THROWS_AS(compare_sets(twice), InputError);

  const Table table = comparison_table(centred);
  REQUIRE(table.rows().size() == 3);
  CHECK(table.rows()[0][0] == "1");
  CHECK(table.rows()[0][1] == "codes");
  CHECK(table.rows()[0][3] == "100.0");
}

TEST_CASE("tables have a cell for every column") {
  FeatureSet set = three_sets()[1];
  set.scenes[0].probe = {ProbePair{0, 1, 10, 0.5, 9, 9, 8, {1, 4, 8}, {1, 2, 4, 8}}};
  set.scenes[1].probe = {ProbePair{0, 1, 70, 0.3, 9, 9, 2, {1, 1, 2}, {0, 0, 0, 2}}};
  const SetScore score = score_set(set);
  CHECK(score.at("probe3d_10px").mean == Approx(0.5));  // pooled
  CHECK(score.at("probe3d_10px").count == 2);
  CHECK(score.at("probe3d_0.5m").mean == 1);
  for (const auto precision : {Precision::kRead, Precision::kFull}) {
    for (const Table& table :
         {scene_table(set, precision), probe_table(score.probe), pair_table(set)}) {
      REQUIRE(!table.empty());
      for (const auto& row : table.rows()) REQUIRE(row.size() == table.columns().size());
    }
  }
  const Table scenes = scene_table(set);
  REQUIRE(scenes.rows().size() == 4);
  CHECK(scenes.rows()[0][0] == "b");
  CHECK(scenes.rows()[3][0] == "mean of 3");
  CHECK(scenes.columns()[3].title == "multi_view %");
  CHECK(scene_table(set, Precision::kFull).columns()[3].title == "multi_view");
  CHECK(scenes.rows()[2].back() == "-");  // no Probe3D pairs
  CHECK(probe_table(score.probe).rows().size() == 1 + 4 + 5);
  CHECK(probe_table(score.probe).rows()[2][2] == "-");  // an empty bin
  CHECK(pair_table(set).rows().size() == set.scenes.size() * 2 * 3);
}

TEST_CASE("JSON: full precision, null for what is not defined") {
  FeatureSet set{"na\xffme", {scored("a", test::random_scene(1, 3, 3, 8, 0.5F, 1))}};
  const json got = json::parse(set_json(set).dump());
  CHECK(got["schema"] == "vega.correspondence/1");
  CHECK(got["n_scenes"] == 1);
  CHECK(got["metrics"]["multi_view"]["mean"].is_null());
  CHECK(got["metrics"]["multi_view"]["n"] == 0);
  CHECK(got["scenes"][0]["metrics"]["auc"].is_null());
  CHECK(!got.contains("probe3d"));
  const std::vector<FeatureSet> sets = three_sets();
  const json compared = json::parse(comparison_json(compare_sets(sets, "multi_view@mean")).dump());
  CHECK(compared["ranked"][0]["name"] == "codes");
  CHECK(compared["left_out"][0] == "c");
  const json codes = json::parse(set_json(sets[1]).dump());
  CHECK(codes["scenes"][2]["key"] == "a");
  CHECK(codes["scenes"][0]["centered"][1]["center"] == "mean");
  CHECK(codes["scenes"][0]["centered"][0]["pairs"].size() == 3);
  CHECK(codes["metrics"]["multi_view"]["mean"].get<double>() ==
        score_set(sets[1]).at("multi_view").mean);
}

TEST_CASE("the record of a score gives back every number, and nothing else's") {
  test::MadeUp scene = test::random_scene(4, 5, 6, 16, 0.6F, 11);
  test::damage(scene, 3);
  CorrespondenceOptions options;
  options.auc_pairs = 2000;
  SceneScore score = score_scene("room", scene.tokens(), options);
  score.frame_ids = {0, 10, 20, 35};
  score.probe = {
      {0, 10, 12.25, std::numeric_limits<double>::quiet_NaN(), 50, 60, 7, {1, 2, 3}, {4, 5, 6, 7}}};
  drop_details(score);
  const std::string text = score_record(score, "stamp");
  const auto back = read_score_record(text, "stamp");
  REQUIRE(back);
  CHECK(set_json({"set", {*back}}).dump() == set_json({"set", {score}}).dump());
  CHECK(score_record(*back, "stamp") == text);
  CHECK(std::isnan(back->probe[0].overlap));
  CHECK(back->centered[1].separation.mean_unrelated == score.centered[1].separation.mean_unrelated);
  CHECK_FALSE(read_score_record(text, "another"));
  CHECK_FALSE(read_score_record("", "stamp"));
  CHECK_FALSE(read_score_record("[]", "stamp"));
  for (std::size_t cut = 1; cut < text.size() - 2; cut += 97)
    CHECK_FALSE(read_score_record(text.substr(0, cut), "stamp"));
}
