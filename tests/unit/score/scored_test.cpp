#include "score/scored.h"

#include <catch2/catch.hpp>

#include "base/error.h"
#include "base/hash.h"
#include "score/score.h"
#include "support/support.h"

using namespace vega;
using namespace vega::score;
using Catch::WithinAbs;
using Catch::Matchers::Contains;

namespace {

// Two questions about scene0001_00, one about an object that is not there, one about a scene
// without a file.
const std::string kScanRefer = R"([
 {"scene_id":"scene0001_00","object_id":"0","ann_id":"0","object_name":"box","description":"the red box"},
 {"scene_id":"scene0001_00","object_id":"1","ann_id":"0","object_name":"ball","description":"a <b>ball</b>"},
 {"scene_id":"scene0001_00","object_id":"9","ann_id":"0","object_name":"cone","description":"the cone"},
 {"scene_id":"scene0002_00","object_id":"0","ann_id":"0","object_name":"box","description":"elsewhere"}])";
const std::string kAnswers =
    "{\"sample_id\":\"0\",\"pred_response\":[0,0,0,1,1,1]}\n"
    "{\"sample_id\":\"1\",\"pred_response\":[2.5,0,0,1,1,1]}\n"
    "{\"sample_id\":\"2\",\"pred_response\":[0,0,0,1,1,1]}\n"
    "{\"sample_id\":\"3\",\"pred_response\":[0,0,0,1,1,1]}\n";

SceneBoxes boxes_of_scene(const std::filesystem::path& file) {
  if (file.filename() != "scene0001_00.h5") throw InputError(file.string() + ": cannot be opened");
  return {{0, {0, 0, 0, 1, 1, 1}}, {1, {2, 0, 0, 1, 1, 1}}};
}

}  // namespace

TEST_CASE("scored questions have text, truth, answers of both systems and what each earned") {
  const test::TempFolder folder;
  test::write_text(folder / "gt.json", kScanRefer);
  test::write_text(folder / "a.jsonl", kAnswers);
  test::write_text(folder / "b.jsonl", "{\"sample_id\":\"1\",\"pred_response\":[2,0,0,1,1,1]}\n");
  tasks::ScoredSources sources;
  sources.task = "scanrefer";
  sources.answers = folder / "a.jsonl";
  sources.against = folder / "b.jsonl";
  sources.gt = (folder / "gt.json").string();
  sources.scenes = folder.path().string();
  const tasks::ScoredFile file = scored_questions(sources, boxes_of_scene);

  REQUIRE(file.questions.size() == 2);
  REQUIRE(file.metrics.size() == 3);
  CHECK(file.metrics[file.main.at(0)].name == "IoU");
  CHECK(file.questions[0].question == "the red box");
  CHECK(file.questions[1].question == "a <b>ball</b>");
  CHECK(file.questions[1].scene == "scene0001_00");
  CHECK(file.questions[1].boxes == std::vector<tasks::BoxNumbers>{{2, 0, 0, 1, 1, 1}});
  CHECK(file.questions[1].answer.boxes == std::vector<tasks::BoxNumbers>{{2.5, 0, 0, 1, 1, 1}});
  // Half of each box overlaps: 0.5 / 1.5.
  CHECK(file.questions[0].answer.earned[0] == 100);
  CHECK(file.questions[1].answer.earned[0] == 100);
  CHECK(file.questions[1].answer.earned[1] == 0);
  CHECK_THAT(file.questions[1].answer.earned[2], WithinAbs(100.0 / 3, 1e-4));
  CHECK_FALSE(file.questions[0].against);
  REQUIRE(file.questions[1].against);
  CHECK_THAT(file.questions[1].against->earned[2], WithinAbs(100, 1e-4));
  CHECK(file.values.empty());

  // A broken question costs only itself, and says why.
  REQUIRE(file.broken.size() == 2);
  CHECK(file.broken[0].id == "2");
  CHECK_THAT(file.broken[0].why, Contains("object 9 of scene0001_00"));
  CHECK(file.broken[1].scene == "scene0002_00");
  CHECK_THAT(file.broken[1].why, Contains("cannot be opened"));

  // The earned numbers are those of `score --samples`.
  ScoreOptions options;
  options.inputs = {"scanrefer", (folder / "a2.jsonl").string()};
  options.gt = (folder / "gt2.json").string();
  options.scenes = sources.scenes;
  options.samples = (folder / "samples.jsonl").string();
  test::write_text(
      folder / "gt2.json",
      kScanRefer.substr(0,
                        kScanRefer.find(",\n {\"scene_id\":\"scene0001_00\",\"object_id\":\"9\"")) +
          "]");
  test::write_text(folder / "a2.jsonl", kAnswers.substr(0, kAnswers.find("{\"sample_id\":\"2\"")));
  Context context;
  context.print = [](const std::string&) {};
  run_score(options, boxes_of_scene, context);
  CHECK(test::read_text(folder / "samples.jsonl") ==
        "{\"id\":\"0\",\"scene\":\"scene0001_00\",\"earned\":{\"Acc@0.25\":100.0,\"Acc@0.5\":100.0}"
        "}\n"
        "{\"id\":\"1\",\"scene\":\"scene0001_00\",\"earned\":{\"Acc@0.25\":100.0,\"Acc@0.5\":0.0}}"
        "\n");
}

TEST_CASE("a folder of answers says its task, and scores beside it are taken where they fit") {
  const test::TempFolder folder;
  const std::filesystem::path answers = folder / "sqa3d";
  std::filesystem::create_directory(answers);
  const std::string lines =
      "{\"sample_id\":\"7\",\"question_type\":\"what\",\"scene\":\"scene0001_00\","
      "\"prompt\":\"<image>\\nWhere?\",\"pred_response\":\"Left.\",\"gt_response\":\"left\"}\n"
      "{\"sample_id\":\"8\",\"question_type\":\"is\",\"scene\":\"scene0002_00\","
      "\"prompt\":\"Is it?\",\"pred_response\":\"no\",\"gt_response\":\"yes\"}\n";
  test::write_text(answers / "answers.jsonl", lines);
  tasks::ScoredSources sources;
  sources.answers = answers;
  sources.intervals = true;
  const tasks::ScoredFile file = scored_questions(sources, {});
  CHECK(file.task == "sqa3d");
  REQUIRE(file.questions.size() == 2);
  CHECK(file.questions[0].question == "Where?");
  CHECK(file.questions[0].texts == std::vector<std::string>{"left"});
  CHECK(file.questions[0].answer.earned == std::vector<double>{100});
  CHECK(file.questions[1].answer.earned == std::vector<double>{0});
  REQUIRE(file.values.size() == 1);
  CHECK(file.values[0].value == 50);
  CHECK(file.values[0].low < 50);
  CHECK(file.values[0].high > 50);
  CHECK(file.groups.size() == 2);

  // scores.json of these answers is taken as it is; of others it is not.
  ScoreOptions options;
  options.inputs = {"sqa3d", answers.string()};
  options.partial = true;
  options.out = (answers / "scores.json").string();
  options.draws = 100;
  Context context;
  context.print = [](const std::string&) {};
  run_score(options, {}, context);
  CHECK(scored_questions(sources, {}).notes.empty());
  test::write_text(answers / "answers.jsonl", lines + "\n");
  const tasks::ScoredFile anew = scored_questions(sources, {});
  REQUIRE(anew.notes.size() == 1);
  CHECK_THAT(anew.notes[0], Contains("scored anew"));

  // Scores alone have no questions; answers of no known task are refused.
  sources.answers = answers / "scores.json";
  const tasks::ScoredFile alone = scored_questions(sources, {});
  CHECK(alone.questions.empty());
  CHECK(alone.values.at(0).value == 50);
  test::write_text(folder / "x.jsonl", lines);
  sources.answers = folder / "x.jsonl";
  CHECK_THROWS_AS(scored_questions(sources, {}), UsageError);
}

TEST_CASE("answers say which benchmark they are of, and another one is refused") {
  const test::TempFolder folder;
  const std::string line =
      "{\"dataset\":\"SQA3D\",\"sample_id\":\"7\",\"scene\":\"scene0001_00\","
      "\"pred_response\":\"Left.\",\"gt_response\":\"left\"}\n";
  test::write_text(folder / "answers.jsonl", line);
  tasks::ScoredSources sources;
  sources.answers = folder.path();
  CHECK(scored_questions(sources, {}).task == "sqa3d");  // by the lines
  sources.task = "scanqa";
  CHECK_THROWS_WITH(scored_questions(sources, {}), Contains("answers.jsonl") &&
                                                       Contains("answers of sqa3d") &&
                                                       Contains("of scanqa"));

  // Lines of another program name no dataset: run.json or scores.json does.
  const std::string plain = "{" + line.substr(line.find(',') + 1);
  test::write_text(folder / "answers.jsonl", plain);
  test::write_text(folder / "run.json", "{\"task\":\"sqa3d\"}");
  CHECK_THROWS_WITH(scored_questions(sources, {}),
                    Contains("run.json") && Contains("answers of sqa3d") && Contains("of scanqa"));
  std::filesystem::remove(folder / "run.json");
  ScoreOptions options;
  options.inputs = {"sqa3d", folder.path().string()};
  options.partial = true;
  options.out = (folder / "scores.json").string();
  options.draws = 10;
  Context context;
  context.print = [](const std::string&) {};
  run_score(options, {}, context);
  CHECK_THROWS_WITH(scored_questions(sources, {}), Contains("scores.json") &&
                                                       Contains("answers of sqa3d") &&
                                                       Contains("of scanqa"));

  // Scores stay where the truth is that of other questions; the cases do not, and say why.
  sources.task.clear();
  CHECK(scored_questions(sources, {}).no_cases.empty());
  test::write_text(folder / "gt.json", "[{\"question_id\":\"x\"}]");
  sources.gt = (folder / "gt.json").string();
  const tasks::ScoredFile other = scored_questions(sources, {});
  CHECK(other.questions.empty());
  CHECK_FALSE(other.no_cases.empty());
  CHECK(other.values.at(0).value == 100);
}

TEST_CASE("a caption's question has the coordinate in metres where the prompt has its place") {
  const test::TempFolder folder;
  test::write_text(folder / "gt.json",
                   "[{\"id\": 0, \"video\": \"scannet/scene0001_00\", \"conversations\": "
                   "[{\"value\": \"<image>Given an object located at <coord> , describe it.\"}, "
                   "{\"value\": \"a chair\"}], \"annotations\": [\"a chair\"], \"gt_box\": "
                   "[9, 9, 9, 1, 1, 1], \"box_input\": [1, -0.5, 0.25, 1, 1, 1], \"metadata\": "
                   "{\"dataset\": \"scan2cap\"}}]");
  test::write_text(folder / "a.jsonl", "{\"sample_id\":0,\"pred_response\":\"a chair\"}\n");
  tasks::ScoredSources sources;
  sources.task = "scan2cap";
  sources.answers = folder / "a.jsonl";
  sources.gt = (folder / "gt.json").string();
  sources.wordnet_dir = folder.path().string();
  CHECK(scored_questions(sources, {}).questions.at(0).question ==
        "Given an object located at (1.00, -0.50, 0.25) m, describe it.");
}

TEST_CASE("the questions that run.json names are what is right, as long as they are the same") {
  const test::TempFolder folder;
  const std::string questions =
      "[{\"id\": 0, \"video\": \"scannet/scene0001_00\", \"conversations\": [{\"value\": "
      "\"<image>Identify the object according to the following description.\\nThe <b>\\nwindow\"}, "
      "{\"value\": \"<ground>\"}], \"box\": [0, 0, 0, 1, 1, 1], \"metadata\": {\"question_type\": "
      "\"unique\"}}]";
  const std::filesystem::path file = folder / "questions.json";
  test::write_text(file, questions);
  test::write_text(folder / "run.json", Json{{"task", "scanrefer"},
                                             {"questions", {{"digest", xxh3_hex(questions)}}},
                                             {"provenance", {{"questions", file.string()}}}}
                                            .dump());
  test::write_text(
      folder / "answers.jsonl",
      "{\"sample_id\":0,\"prompt\":\"Look. <image>Identify the object according to the "
      "following description.\\nSomething\",\"pred_response\":[0,0,0,1,1,1],"
      "\"gt_response\":[0,0,0,1,1,1]}\n");
  tasks::ScoredSources sources;
  sources.answers = folder.path();
  const tasks::ScoredFile named = scored_questions(sources, {});
  CHECK(named.of == 1);
  CHECK(named.questions.at(0).question == "The <b>\nwindow");
  CHECK(named.questions.at(0).scene == "scene0001_00");
  CHECK(named.questions.at(0).type == "unique");
  test::write_text(file, questions + "\n");  // no longer those that were asked
  const tasks::ScoredFile lines = scored_questions(sources, {});
  CHECK(lines.of == 9508);
  CHECK(lines.questions.at(0).question == "Something");
  CHECK(lines.questions.at(0).scene.empty());
}
