// Questions answered during training: which are asked, what is written, which step is the best.
#include "train/validate.h"

#include <catch2/catch.hpp>
#include <fstream>

#include "base/error.h"
#include "support/support.h"
#include "train/metrics_file.h"
#include "train/validate_files.h"
#include "train/validate_scenes.h"
#include "unit/vlm/tiny_model.h"

using namespace vega;
using namespace vega::train;
using Catch::Contains;

namespace {

Json record(const std::string& id, const std::string& dataset, const std::string& scene) {
  return {{"id", id},
          {"video", "scannet/" + scene},
          {"conversations",
           Json::list(
               {{{"value", "<image> What is it? Answer the question simply."}, {"from", "human"}},
                {{"value", "chair"}, {"from", "gpt"}}})},
          {"metadata",
           {{"dataset", dataset}, {"question_type", "what"}, {"answers", Json::list({"chair"})}}}};
}

Json located(const std::string& id, const std::string& scene) {
  return {
      {"id", id},
      {"video", "scannet/" + scene},
      {"conversations",
       Json::list({{{"value", "<image>Identify the object.\nThe chair."}, {"from", "human"}},
                   {{"value", "<ground>"}, {"from", "gpt"}}})},
      {"box", Json::list({0.5, 1, 0.5, 1, 1, 1})},
      {"metadata",
       {{"dataset", "scanrefer"}, {"question_type", "unique"}, {"object_id", 3}, {"ann_id", 0}}}};
}

std::string file_of(const test::TempFolder& folder, const std::string& name,
                    const std::vector<Json>& records) {
  test::write_text(folder / name, Json(records).dump());
  return (folder / name).string();
}

// A scorer that hands out numbers and keeps what it was asked.
struct FakeScorer {
  std::vector<tasks::ScoredSources> asked;
  std::vector<double> values;

  tasks::ReadScored function() {
    return [this](const tasks::ScoredSources& sources) {
      tasks::ScoredFile out;
      out.task = sources.task;
      out.n = out.of = 2;
      const double value = values.at(asked.size());
      asked.push_back(sources);
      out.values = {{std::string(sources.task == "scanrefer" ? "Acc@0.5" : "EM"), value, value - 1,
                     value + 1, 2, ""},
                    {"METEOR", kNone, kNone, kNone, 0, "no jar"}};
      return out;
    };
  }
  static constexpr double kNone = StepMetrics::kNone;
};

std::vector<Json> lines_of(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::vector<Json> out;
  for (std::string line; std::getline(in, line);) out.push_back(*parse_json(line));
  return out;
}

}  // namespace

TEST_CASE("the task of a file of questions is what its records name, or what the option says") {
  const test::TempFolder folder;
  const std::string qa = file_of(folder, "qa.json", {record("1", "scanQA", "scene0000_00")});
  CHECK(task_of_questions(qa) == tasks::Task::kScanQa);
  CHECK(question_file("sqa3d=" + qa).task == tasks::Task::kSqa3d);
  CHECK(question_file(qa).path == qa);
  const std::string odd = file_of(folder, "odd.json", {record("1", "other", "scene0000_00")});
  CHECK_THROWS_WITH(task_of_questions(odd), Contains("'other'") && Contains("scanrefer="));
  CHECK_THROWS_AS(question_file("nothing=" + qa), UsageError);
  test::write_text(folder / "torn.json", "[{\"id\": ");
  CHECK_THROWS_AS(task_of_questions(folder / "torn.json"), FormatError);
}

TEST_CASE("which steps are validated, on which scenes, by which metric") {
  const test::TempFolder folder;
  ValidationOptions options;
  FakeScorer scorer;
  CHECK_THROWS_AS(Validation(options, scorer.function()), UsageError);
  std::vector<Json> records;
  for (int i = 0; i < 10; ++i)
    records.push_back(record(std::to_string(i), "scanQA", "scene000" + std::to_string(i) + "_00"));
  options.files = {file_of(folder, "qa.json", records)};
  options.every = 4;
  const Validation all(options, scorer.function());
  CHECK(all.question_count() == 10);
  CHECK(all.scenes().size() == 10);
  CHECK(!all.needs_objects());
  CHECK(all.is_due(8, 100));
  CHECK(!all.is_due(9, 100));
  CHECK(all.is_due(9, 9));
  options.count = 5;
  const Validation some(options, scorer.function());
  CHECK(some.scenes() == std::vector<std::string>{"scene0000_00", "scene0002_00", "scene0004_00",
                                                  "scene0006_00", "scene0008_00"});
  options.files.push_back(file_of(folder, "refer.json", {located("1", "scene0000_00")}));
  CHECK(Validation(options, scorer.function()).needs_objects());
  options.best = "EM";
  CHECK_THROWS_AS(Validation(options, scorer.function()), UsageError);  // of which task?
  options.best = "nr3d:accuracy";
  CHECK_THROWS_AS(Validation(options, scorer.function()), UsageError);
  options.best = "";
  options.files.push_back(options.files[0]);
  CHECK_THROWS_WITH(Validation(options, scorer.function()), Contains("two files of scanqa"));
}

TEST_CASE("questions whose answers the scorer does not find are refused before anything runs") {
  const test::TempFolder folder;
  Json train = record("1", "scanQA", "scene0000_00");
  Json metadata = train["metadata"];
  metadata.erase("answers");
  train.set("metadata", metadata);
  ValidationOptions options;
  options.files = {file_of(folder, "train.json", {train})};
  FakeScorer scorer;
  CHECK_THROWS_WITH(Validation(options, scorer.function()), Contains("no question"));
}

TEST_CASE("every metric that stands for a task is one of the scorer's") {
  for (const auto& choice : tasks::kScanTasks) CHECK(!main_metric(choice.value).empty());
}

TEST_CASE("a validation writes official lines and scores, and knows the best step") {
  const test::TempFolder folder;
  const auto checkpoint = test::tiny_checkpoint(folder);
  const auto run = folder / "run";
  ValidationOptions options;
  options.files = {
      file_of(folder, "refer.json", {located("a", "scene0001_00"), located("b", "scene0000_00")}),
      file_of(folder, "qa.json", {record("c", "scanQA", "scene0000_00")})};
  FakeScorer scorer;
  scorer.values = {30, 10, 20, 50, 40, 10, 35, 10};
  const Validation validation(options, scorer.function());
  std::vector<std::string> read;
  SceneAsking setup;
  setup.model = {{at::Device(at::kCPU), at::kFloat}, {}};
  setup.model_id = "tiny";
  setup.read_scene = [&](const std::string& scene) {
    read.push_back(scene);
    return test::tiny_scene();
  };
  const auto validate = [&](std::int64_t step) {
    return validation.run(scene_answers(vlm::open_checkpoint(checkpoint), setup), step, run);
  };
  CHECK(!validation.is_done(run, 10));
  const ValidationResult first = validate(10);
  CHECK(validation.is_done(run, 10));
  CHECK(read.size() == 3);  // two scenes of one file, one of the other
  CHECK(first.metric == "scanrefer:Acc@0.5");
  CHECK(first.value == 30);
  CHECK(first.best);
  CHECK(first.questions == 3);
  CHECK_THAT(first.text, Contains("scanrefer Acc@0.5 30.00 (n 2), scanqa EM 10.00 (n 2)"));
  const auto answers = lines_of(run / "validation" / "step-00000010" / "scanrefer.jsonl");
  REQUIRE(answers.size() == 2);  // in the order of the file
  CHECK(answers[0]["sample_id"].text_or("") == "a");
  CHECK(answers[0]["model_id"].text_or("") == "tiny");
  CHECK(answers[0]["pred_response"].size() == 6);  // a box
  CHECK(lines_of(run / "validation" / "step-00000010" / "scanqa.jsonl").size() == 1);
  REQUIRE(scorer.asked.size() == 2);
  CHECK(scorer.asked[0].task == "scanrefer");
  CHECK(scorer.asked[0].gt == options.files[0]);
  CHECK(scorer.asked[0].intervals);

  CHECK(!validate(20).best);
  CHECK(validate(30).best);
  const auto lines = lines_of(run / kValidationFile);
  REQUIRE(lines.size() == 3);
  CHECK(lines[2]["value"].number() == 40);
  CHECK(lines[2]["tasks"]["scanqa"]["metrics"]["EM"]["lo"].number() == 9);
  CHECK(lines[2]["tasks"]["scanqa"]["metrics"]["METEOR"]["value"].is_null());
  CHECK(read_validation_scores(run / kValidationFile).size() == 6);

  // A run that went on from an earlier step: what comes later is noted anew.
  CHECK(validate(20).best);
  CHECK(lines_of(run / kValidationFile).size() == 2);
}

TEST_CASE("a validation that cannot be scored or asked says so and notes nothing") {
  const test::TempFolder folder;
  const auto checkpoint = test::tiny_checkpoint(folder);
  const auto run = folder / "run";
  ValidationOptions options;
  options.files = {file_of(folder, "refer.json", {located("a", "scene0000_00")})};
  SceneAsking setup;
  setup.model = {{at::Device(at::kCPU), at::kFloat}, {}};
  setup.read_scene = [](const std::string&) {
    vlm::SceneInput scene = test::tiny_scene();
    scene.boxes.clear(), scene.object_ids.clear(), scene.object_labels.clear();
    scene.selected.reset();
    return scene;
  };
  FakeScorer scorer;
  scorer.values = {30, 30};
  CHECK_THROWS_WITH(Validation(options, scorer.function())
                        .run(scene_answers(vlm::open_checkpoint(checkpoint), setup), 5, run),
                    Contains("scene0000_00") && Contains("no objects"));
  setup.read_scene = [](const std::string&) { return test::tiny_scene(); };
  options.best = "scanrefer:Acc@0.75";
  CHECK_THROWS_WITH(Validation(options, scorer.function())
                        .run(scene_answers(vlm::open_checkpoint(checkpoint), setup), 5, run),
                    Contains("Acc@0.75") && Contains("scanrefer:Acc@0.5"));
  CHECK(!std::filesystem::exists(run / kValidationFile));
}
