#include "score/measures.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "base/error.h"
#include "score/join.h"
#include "score/rollouts.h"
#include "score/summary.h"
#include "support/support.h"

using namespace vega;
using namespace vega::score;
using Catch::Matchers::Contains;

namespace {

Measured measured(Task task, const std::string& lines, const std::string& matcher = {},
                  bool partial = true) {
  Matching matching;
  matching.matcher = matcher_name(task, matcher);
  matching.partial = partial;
  return measure(join(parse_answers(lines, "a.jsonl", task), nullptr, partial), matching);
}

std::string vsi(int id, const std::string& type, const std::string& truth,
                const std::string& said) {
  return "{\"id\": " + std::to_string(id) + ", \"scene_name\": \"s\", \"question_type\": \"" +
         type + "\", \"ground_truth\": \"" + truth + "\", \"prediction\": \"" + said + "\"}\n";
}

double value(const Measured& all, const std::string& name) {
  for (const Measure& one : all.measures)
    if (one.name == name) return metrics::value_of(one.sums);
  FAIL("no measure " << name);
  return 0;
}

}  // namespace

TEST_CASE("relative direction is the mean of its levels, the average that of the tasks") {
  std::string lines;
  int id = 0;
  for (int i = 0; i < 4; ++i) lines += vsi(id++, "object_rel_direction_easy", "A", "A");  // 100
  lines += vsi(id++, "object_rel_direction_medium", "A", "B");                            // 0
  lines += vsi(id++, "object_rel_direction_hard", "A", "A");                              // 50
  lines += vsi(id++, "object_rel_direction_hard", "A", "B");
  lines += vsi(id++, "object_counting", "10", "9");  // 90
  const Measured all = measured(Task::kVsi, lines);
  CHECK(value(all, "relative direction") == Approx(50));
  CHECK(value(all, "object count") == Approx(90));
  CHECK(value(all, "average") == Approx(70));
  CHECK(std::isnan(value(all, "room size")));
}

TEST_CASE("a level of direction that is missing is an error, unless a part is asked for") {
  const std::string lines = vsi(0, "object_rel_direction_easy", "A", "A");
  CHECK(value(measured(Task::kVsi, lines), "relative direction") == Approx(100));
  const auto file = parse_answers(lines, "a.jsonl", Task::kVsi);
  Questions questions = join(file, nullptr, true);
  Matching matching;
  matching.matcher = matcher_name(Task::kVsi, "official");
  CHECK_THROWS_WITH(measure(questions, matching), Contains("1 of its three levels"));
}

TEST_CASE("baselines of VSI-Bench are computed from what is right") {
  const auto choice = [](int id, const std::string& truth) {
    return R"({"id": )" + std::to_string(id) +
           R"(, "question_type": "route_planning", "options": ["A. a", "B. b", "C. c"], "ground_truth": ")" +
           truth + R"(", "prediction": "A"})" + "\n";
  };
  std::string lines = choice(0, "B") + choice(1, "B") + choice(2, "C") + choice(3, "A");
  int id = 4;
  for (const char* truth : {"2", "2", "4"}) lines += vsi(id++, "object_counting", truth, "4");
  const Measured all = measured(Task::kVsi, lines);
  REQUIRE(all.baselines.size() == 2);
  CHECK(all.baselines[0].first == "frequency");
  const auto of = [&](std::size_t which, std::string_view name) {
    for (std::size_t m = 0; m < all.measures.size(); ++m)
      if (all.measures[m].name == name) return all.baselines[which].second[m];
    return -1.0;
  };
  CHECK(of(0, "route planning") == Approx(50));
  CHECK(of(0, "object count") == Approx((100 + 100 + 10) / 3.0));  // 2 for 4: r = 0.5
  CHECK(of(0, "average") == Approx((50 + 70) / 2.0));
  CHECK(of(1, "route planning") == Approx(100.0 / 3));
  CHECK(std::isnan(of(1, "object count")));
  CHECK(std::isnan(of(1, "average")));
  const Scores scores = scores_of(Task::kVsi, all, {});
  CHECK(scores_report(scores, TableFormat::kText).find("frequency") != std::string::npos);
  const Scores back = parse_scores(scores_text(scores), "scores.json");
  CHECK(scores_text(back) == scores_text(scores));
}

TEST_CASE("matchers of VSI-Bench differ at a threshold as their definitions say") {
  const std::string lines = vsi(0, "object_counting", "10", "8");
  CHECK(value(measured(Task::kVsi, lines, "official"), "object count") == Approx(60));
  CHECK(value(measured(Task::kVsi, lines, "strict-lt"), "object count") == Approx(60));
  const std::string half = vsi(0, "object_counting", "10", "5");  // r = 0.5 exactly
  CHECK(value(measured(Task::kVsi, half, "official"), "object count") == Approx(10));
  CHECK(value(measured(Task::kVsi, half, "strict-lt"), "object count") == Approx(0).margin(1e-12));
  CHECK(value(measured(Task::kVsi, half, "eleven"), "object count") == Approx(100.0 / 11));
  const std::string words = vsi(0, "object_counting", "5", "there are five");
  CHECK(value(measured(Task::kVsi, words, "official"), "object count") == 0);
  CHECK(value(measured(Task::kVsi, words, "official, lenient parser"), "object count") ==
        Approx(100));
}

TEST_CASE("a pair that overlaps by half misses 0.5 in ScanRefer and meets it in Multi3DRefer") {
  const std::string ends = "\"gt_response\": ";
  const auto scanrefer =
      measured(Task::kScanRefer,
               "{\"sample_id\": 0, \"pred_response\": [0,0,0,1,1,1], " + ends + "[0,0,0,2,1,1]}\n");
  CHECK(value(scanrefer, "Acc@0.5") == 0);
  CHECK(value(scanrefer, "Acc@0.25") == 100);
  const auto multi = measured(Task::kMulti3DRefer,
                              "{\"sample_id\": 0, \"scores\": [0.5, 0], \"objects\": "
                              "[[0,0,0,1,1,1]], " +
                                  ends + "[[0,0,0,2,1,1]]}\n");
  CHECK(value(multi, "F1@0.5") == 100);
}

TEST_CASE("an empty answer of SQA3D counts under the refined matcher only") {
  const std::string lines =
      "{\"sample_id\": 1, \"pred_response\": \"\", \"gt_response\": \"left\"}\n";
  CHECK(value(measured(Task::kSqa3d, lines), "EM") == 0);
  CHECK(value(measured(Task::kSqa3d, lines, "refined"), "EM") == 100);
  CHECK(measured(Task::kSqa3d, lines).empty == 1);
}

TEST_CASE("every metric has an interval with a width, and the groups too") {
  std::string lines;
  for (int i = 0; i < 30; ++i)
    lines += "{\"sample_id\": " + std::to_string(i) +
             ", \"pred_response\": \"a\", \"gt_response\": \"a\", \"question_type\": \"" +
             (i % 2 == 0 ? "what" : "is") + "\"}\n";
  const Scores scores = scores_of(Task::kSqa3d, measured(Task::kSqa3d, lines), {});
  CHECK(scores.partial());
  CHECK(scores.of == 3519);
  const ScoreValue* em = scores.find("EM");
  REQUIRE(em != nullptr);
  CHECK(em->value == 100);
  CHECK(em->high == 100);
  CHECK(em->low < 95);
  REQUIRE(scores.breakdown.size() == 2);
  CHECK(scores.breakdown[0].first == "what");
  CHECK(scores.breakdown[0].second[0].second.n == 15);
  CHECK(scores.breakdown[0].second[0].second.low < 90);
  CHECK_THAT(scores_report(scores, TableFormat::kText), Contains("100.00 (30/3519)"));
}

TEST_CASE("the mean of seeds keeps the value of each") {
  std::vector<Measured> runs;
  for (const std::string said : {"a", "b"}) {
    std::string lines;
    for (int i = 0; i < 20; ++i)
      lines += "{\"sample_id\": " + std::to_string(i) + ", \"pred_response\": \"" +
               (i < 10 ? "a" : said) + "\", \"gt_response\": \"a\"}\n";
    runs.push_back(measured(Task::kSqa3d, lines));
  }
  const Scores scores = scores_of(Task::kSqa3d, mean_of_runs(runs), {});
  CHECK(scores.find("EM")->seeds == std::vector<double>{100, 50});
  CHECK(scores.find("EM")->value == Approx(75));
  CHECK(scores.find("EM")->low > 60);
  CHECK(scores.find("EM")->high < 90);
}

TEST_CASE("logs of several seeds give the mean over seeds, and the value of each") {
  const test::TempFolder temp;
  const auto log = [&](const std::string& name, int right) {
    std::string text = "{\"run\": {\"model\": \"m\"}}\n";
    for (int i = 0; i < 10; ++i)
      text += "{\"suite\": \"libero_goal\", \"task\": \"t\", \"episode\": " + std::to_string(i) +
              ", \"success\": " + (i < right ? "true" : "false") + "}\n";
    test::write_text(temp / name, text);
    return temp / name;
  };
  const std::vector<std::filesystem::path> files = {log("a", 8), log("b", 10)};
  const Measured all = measure_rollouts(files, 0, true);
  CHECK(value(all, "Goal") == Approx(90));
  const Scores scores = scores_of(Task::kLibero, all, {});
  CHECK(scores.find("Goal")->seeds == std::vector<double>{80, 100});
  CHECK(scores.find("average")->seeds.empty());
  CHECK(scores.run["model"].text_or("") == "m");
}

TEST_CASE("SQA3D's test split has the published number of questions of each type", "[shared]") {
  const auto shared = test::shared_data();
  if (!shared) {
    test::note_skip("no shared/data");
    return;
  }
  TruthSources sources;
  sources.annotations = *shared / "sqa3d/v1_balanced_sqa_annotations_test_scannetv2.json";
  sources.questions = *shared / "sqa3d/v1_balanced_questions_test_scannetv2.json";
  const TruthFile truth = read_truth(Task::kSqa3d, sources);
  std::map<std::string, int> types;
  for (const Truth& one : truth.questions) ++types[one.type];
  CHECK(types == std::map<std::string, int>{{"what", 1147},
                                            {"is", 652},
                                            {"how", 465},
                                            {"can", 338},
                                            {"which", 351},
                                            {"others", 566}});
}
