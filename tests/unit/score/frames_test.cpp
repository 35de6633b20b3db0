// ScanRefer and Scan2Cap about posed frames: what is right, scores, proposals, against the released
// scorers (tests/golden/export_frames.py).
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"
#include "score/captions.h"
#include "score/join.h"
#include "score/measures.h"
#include "score/meteor_source.h"
#include "score/prepare.h"
#include "score/summary.h"
#include "score/table_columns.h"
#include "score/truth.h"
#include "score/validate_questions.h"
#include "support/support.h"

// A namespace of its own: other tests of this folder have functions of the same names.
namespace vega::score::frames_test {
namespace {

namespace fs = std::filesystem;
using Catch::Matchers::Contains;
using nlohmann::json;

const std::string kLog = "frames/scanrefer_log.jsonl", kQuestions = "frames/scanrefer.json";

json golden_scores() { return json::parse(test::read_text(test::golden("frames/scores.json"))); }

Measured measured(const Questions& questions, BoxSource* proposals = nullptr) {
  Matching matching;
  matching.matcher = "official";
  matching.partial = true;
  matching.proposals = proposals;
  return measure(questions, matching);
}

double value(const Measured& all, const std::string& name) {
  for (const Measure& one : all.measures)
    if (one.name == name) return metrics::value_of(one.sums);
  FAIL("no measure " << name);
  return 0;
}

TruthFile golden_truth() {
  return read_truth(Task::kScanReferFrames, {.annotations = test::golden(kQuestions)});
}

// The texts of the log alone, as another program writes them.
std::string texts_of_log() {
  std::istringstream lines(test::read_text(test::golden(kLog)));
  std::string out;
  for (std::string line; std::getline(lines, line);) {
    const json one = json::parse(line);
    out += json{{"id", one["doc_id"]}, {"prediction", one["resps"][0][0]}}.dump() + "\n";
  }
  return out;
}

Prepared prepared(tasks::Task task, const fs::path& file) {
  PrepareSources sources{.task = task, .split = Split::kVal};
  sources.annotations = file;
  sources.images = test::golden("frames/media");
  return prepare_samples(sources);
}

void check_released(const Measured& all) {
  const json wanted = golden_scores()["scanrefer"];
  CHECK(value(all, "Acc@0.25") == Approx(wanted["iou25"].get<double>()));
  CHECK(value(all, "Acc@0.5") == Approx(wanted["iou50"].get<double>()));
  CHECK(all.empty == 1);
  CHECK(all.unreadable == 3);
  REQUIRE(all.groups.size() == 2);
  CHECK(all.groups[0].first == "unique");
  CHECK(all.groups[0].second.size() == 12);
  REQUIRE(all.warnings.size() == 1);
  CHECK_THAT(all.warnings[0], Contains("1 ground-truth box with a face below 2 cm2"));
  CHECK(all.scenes.at(7) == "scene0012_00");
}

}  // namespace

TEST_CASE("ScanRefer about frames: the log of the harness has the released scores") {
  const AnswerFile log = read_answers(test::golden(kLog), Task::kScanReferFrames);
  check_released(measured(join(log, nullptr, true)));
  const TruthFile truth = golden_truth();
  check_released(measured(join(log, &truth, true)));
  // Boxes of the lines alone, without poses.
  std::istringstream lines(test::read_text(test::golden(kLog)));
  std::string bare;
  for (std::string line; std::getline(lines, line);) {
    json one = json::parse(line);
    one["doc"].erase("cam2global");
    bare += one.dump() + "\n";
  }
  const Measured all =
      measured(join(parse_answers(bare, "a.jsonl", Task::kScanReferFrames), nullptr, true));
  CHECK(value(all, "Acc@0.25") == Approx(golden_scores()["scanrefer"]["iou25"].get<double>()));
  CHECK(value(all, "Acc@0.5") == Approx(golden_scores()["scanrefer"]["iou50"].get<double>()));
}

TEST_CASE("ScanRefer about frames: texts alone are scored beside the questions") {
  const TruthFile truth = golden_truth();
  const AnswerFile answers = parse_answers(texts_of_log(), "a.jsonl", Task::kScanReferFrames);
  check_released(measured(join(answers, &truth, true)));
  CHECK_THROWS_WITH(join(answers, nullptr, true), Contains("gt_response"));
  const Scores scores =
      scores_of(Task::kScanReferFrames, measured(join(answers, &truth, true)), {});
  const ScoreValue* half = scores.find("Acc@0.5");
  REQUIRE(half != nullptr);
  CHECK(half->low < half->value);
  CHECK(half->high > half->value);
  CHECK(scores.of == 36);
}

TEST_CASE("ScanRefer about frames: the best proposal stands for an answer") {
  const TruthFile truth = golden_truth();
  BoxSource proposals({test::golden("frames/proposals.json"), {}, {}});
  const Measured all = measured(
      join(read_answers(test::golden(kLog), Task::kScanReferFrames), &truth, true), &proposals);
  const json wanted = golden_scores()["proposals"];
  CHECK(value(all, "Acc@0.25") == Approx(wanted["iou25"].get<double>()));
  CHECK(value(all, "Acc@0.5") == Approx(wanted["iou50"].get<double>()));
  CHECK(
      value(all, "Acc@0.5") !=
      value(measured(join(read_answers(test::golden(kLog), Task::kScanReferFrames), &truth, true)),
            "Acc@0.5"));
  CHECK(all.matcher == "official, best proposal");
}

TEST_CASE("Scan2Cap about frames: the log of the harness has the released scores") {
  const json wanted = golden_scores()["scan2cap"];
  const CaptionScorer captions(open_meteor({}, "/no such folder"));
  Matching matching;
  matching.matcher = "official";
  matching.partial = true;
  matching.captions = &captions;
  const std::string log = test::read_text(test::golden("frames/scan2cap_log.jsonl"));
  const Measured all =
      measure(join(parse_answers(log, "a.jsonl", Task::kScan2CapFrames), nullptr, true), matching);
  for (const char* name : {"CIDEr", "BLEU-4", "ROUGE-L"}) {
    CAPTURE(name);
    CHECK(value(all, name) == Approx(wanted[name].get<double>()));
  }
  CHECK(all.scenes.at(9) == "scene0004_00");
  CHECK_THAT(all.notes.at(0), Contains("4 objects without a proposal"));
  CHECK(all.groups.size() == 2);
}

TEST_CASE("questions about frames are prepared in the words of the release") {
  for (const bool scanrefer : {true, false}) {
    CAPTURE(scanrefer);
    const std::string name = scanrefer ? "scanrefer" : "scan2cap";
    const auto asked = scanrefer ? tasks::Task::kScanReferFrames : tasks::Task::kScan2CapFrames;
    const fs::path file = test::golden("frames/asked_" + name + ".json");
    const Prepared all = prepared(asked, file);
    REQUIRE(all.samples.size() == 3);
    CHECK(all.left_out.empty());
    CHECK(all.pictures == 5);
    CHECK(all.missed == (scanrefer ? 0 : 1));
    std::istringstream answers(test::read_text(test::golden("frames/" + name + "_answers.jsonl")));
    const json rows = json::parse(test::read_text(file));
    for (std::size_t n = 0; n < 3; ++n) {
      const tasks::Sample& one = all.samples[n];
      std::string line;
      std::getline(answers, line);
      CHECK(one.user == json::parse(line)["prompt"].get<std::string>());
      CHECK(one.id_text == std::to_string(n));
      CHECK(one.scene == (n == 1 ? "scene0025_00" : "scene0011_00"));
      CHECK(one.no_proposal == (!scanrefer && n == 2));
      // A question is written as it was read: numbers stay as they are.
      const json again = json::parse(tasks::to_json(one).dump());
      for (const char* member : {"cam2global", "axis_align_matrix", "gt_bbox", "input_box",
                                 "gt_box", "iou", "annotations", "images"})
        if (again.contains(member)) CHECK(again[member] == rows[n][member]);
      CHECK(again.contains("cam2global") == scanrefer);
    }
    // Both files say the same of what is right.
    const Task task = scanrefer ? Task::kScanReferFrames : Task::kScan2CapFrames;
    const test::TempFolder temp;
    test::write_text(temp / "q.json", tasks::samples_text(all.samples));
    const TruthFile ours = read_truth(task, {.annotations = temp / "q.json"});
    const TruthFile theirs = read_truth(task, {.annotations = file});
    for (std::size_t n = 0; n < 3; ++n) {
      CHECK(ours.questions[n].id == theirs.questions[n].id);
      CHECK(ours.questions[n].scene == theirs.questions[n].scene);
      CHECK(ours.questions[n].type == theirs.questions[n].type);
      CHECK(ours.questions[n].oriented == theirs.questions[n].oriented);
      CHECK(ours.questions[n].poses == theirs.questions[n].poses);
      CHECK(ours.questions[n].answers == theirs.questions[n].answers);
      CHECK(ours.questions[n].has_proposal == theirs.questions[n].has_proposal);
    }
  }
}

TEST_CASE("a broken question about frames costs only itself") {
  const test::TempFolder temp;
  const fs::path file = temp / "scanrefer_val_32frames.json";
  json rows = json::parse(test::read_text(test::golden("frames/asked_scanrefer.json")));
  for (int n = 0; n < 6; ++n) rows.push_back(rows[0]);
  rows[1]["cam2global"].erase(0);
  rows[2]["prompt"] = " ";
  rows[3]["gt_bbox"] = {1, 2, 3};
  rows[4]["images"][1] = "../x.jpg";
  rows[5]["metadata"]["dataset"] = "sqa3d";
  rows[6]["axis_align_matrix"] = "x";
  rows[7]["images"][2] = "scannet/posed_images/scene0011_00/00990.png";
  test::write_text(file, rows.dump());
  const Prepared all = prepared(tasks::Task::kScanReferFrames, file);
  REQUIRE(all.samples.size() == 2);
  CHECK(all.samples[1].id_text == "8");
  REQUIRE(all.left_out.size() == 7);
  const auto why = [&](std::size_t n) { return all.left_out.at(n).why; };
  CHECK_THAT(why(0), Contains("cam2global: got 1 matrices, expected 2, one an image"));
  CHECK_THAT(why(1), Contains("prompt"));
  CHECK_THAT(why(2), Contains("gt_bbox") && Contains("nine numbers"));
  CHECK_THAT(why(3), Contains("../x.jpg"));
  CHECK_THAT(why(4), Contains("metadata.dataset"));
  CHECK_THAT(why(5), Contains("axis_align_matrix"));
  CHECK_THAT(why(6), Contains("00990.png: got no picture"));
  // A test split has no boxes: it is asked, and not scored.
  json hidden = json::array({rows[0]});
  hidden[0]["gt_bbox"] = nullptr;
  test::write_text(file, hidden.dump());
  CHECK_FALSE(prepared(tasks::Task::kScanReferFrames, file).samples.at(0).has_truth);
}

TEST_CASE("ScanRefer about frames: what is wrong is named") {
  const TruthFile truth = golden_truth();
  const auto joined = [&](const std::string& line, bool beside = true) {
    return join(parse_answers(line, "a.jsonl", Task::kScanReferFrames), beside ? &truth : nullptr,
                true);
  };
  CHECK_THROWS_WITH(joined(R"({"id":99,"prediction":""})"), Contains("'99'"));
  CHECK_THROWS_WITH(joined(R"({"id":1})"), Contains("pred_response"));
  CHECK_THROWS_WITH(joined(R"({"id":1,"prediction":"","gt_response":[0,0,0,1,1,1,0,0,0]})"),
                    Contains("gt_response"));
  CHECK_THROWS_WITH(joined(R"({"id":1,"prediction":"","gt_response":[0,0,0,1,1,1]})"),
                    Contains("nine numbers"));
  CHECK_THROWS_WITH(joined(R"({"id":1,"prediction":"x","gt_response":[0,0,0,1,1,1,0,0,0]})", false),
                    Contains("pred_bbox") && Contains("--gt"));
  CHECK_THROWS_WITH(joined(R"({"id":1,"prediction":"x","dataset":"scanrefer"})"),
                    Contains("another benchmark"));
  const AskedQuestions asked = read_questions(Task::kScanReferFrames, test::golden(kQuestions));
  CHECK(asked.list.size() == 36);
  CHECK(asked.list.at(8).id == "8");
  CHECK(asked.list.at(8).scene == "scene0013_00");
  CHECK(task_of_dataset("scanrefer-frames") == Task::kScanReferFrames);
  CHECK(task_of_dataset("ScanRefer") == Task::kScanRefer);
  CHECK(parse_columns("--columns", "scanrefer-frames").size() == 6);
  const test::TempFolder temp;
  json docs = json::parse(test::read_text(test::golden(kQuestions)));
  docs[3]["cam2global"][1][0][0] = 7;
  test::write_text(temp / "q.json", docs.dump());
  CHECK_THROWS_WITH(read_truth(Task::kScanReferFrames, {.annotations = temp / "q.json"}),
                    Contains("[3].cam2global[1]"));
  docs[3]["gt_bbox"] = nullptr;
  test::write_text(temp / "q.json", docs.dump());
  CHECK_THROWS_WITH(read_truth(Task::kScanReferFrames, {.annotations = temp / "q.json"}),
                    Contains("a question without answers"));
}

}  // namespace vega::score::frames_test
