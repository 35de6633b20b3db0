// CV-Bench and BLINK-spatial: preparing, reading what is right, and scores, against the released
// functions (tests/golden/export_pictures.py).
#include "tasks/pictures.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"
#include "score/join.h"
#include "score/measures.h"
#include "score/prepare.h"
#include "score/prepare_files.h"
#include "score/summary.h"
#include "score/table_columns.h"
#include "score/truth.h"
#include "score/validate_questions.h"
#include "support/support.h"

// A namespace of its own: other tests of this folder have functions of the same names.
namespace vega::score::pictures_test {
namespace {

namespace fs = std::filesystem;
using Asked = tasks::Task;
using Catch::Matchers::Contains;
using nlohmann::json;

json golden_scores() { return json::parse(test::read_text(test::golden("pictures/scores.json"))); }

Measured measured(Task task, const std::string& lines, const std::string& matcher = {}) {
  Matching matching;
  matching.matcher = matcher_name(task, matcher);
  matching.partial = true;
  return measure(join(parse_answers(lines, "a.jsonl", task), nullptr, true), matching);
}

double value(const Measured& all, const std::string& name) {
  for (const Measure& one : all.measures)
    if (one.name == name) return metrics::value_of(one.sums);
  FAIL("no measure " << name);
  return 0;
}

double group_value(const Measured& all, const std::string& name) {
  for (const auto& [group, members] : all.groups)
    if (group == name)
      return metrics::value_of(metrics::some_of(all.of_groups.at(0).sums, members));
  FAIL("no group " << name);
  return 0;
}

// Lines of answers as a system writes them that takes the data set's own members over.
std::string lines_of(const json& docs) {
  std::string out;
  for (json doc : docs) {
    doc["gt_response"] = doc["answer"];
    doc.erase("answer");
    out += doc.dump() + "\n";
  }
  return out;
}

struct Folder {
  test::TempFolder temp;
  fs::path write(const std::string& name, const std::string& text) const {
    fs::create_directories((temp / name).parent_path());
    test::write_text(temp / name, text);
    return temp / name;
  }
};

Prepared prepared(Asked task, const std::vector<fs::path>& files, const fs::path& images,
                  bool beside = false) {
  PrepareSources sources{.task = task, .split = task == Asked::kBlink ? Split::kVal : Split::kTest};
  sources.annotations = files.at(0);
  sources.more.assign(files.begin() + 1, files.end());
  sources.images = images;
  sources.beside = beside;
  return prepare_samples(sources);
}

std::string cvbench(int idx, const std::string& more = "", const std::string& picture = "a.png") {
  json line = {
      {"idx", idx},      {"task", "Count"},       {"source", "COCO"},   {"question", "How many?"},
      {"answer", "(B)"}, {"choices", {"1", "2"}}, {"filename", picture}};
  if (!more.empty()) line.update(json::parse(more));
  return line.dump() + "\n";
}

}  // namespace

TEST_CASE("letters are those of the released scorers") {
  const json golden = golden_scores();
  REQUIRE(golden["letters"].size() > 60);
  for (const json& one : golden["letters"]) {
    CAPTURE(one.dump());
    const auto letter = tasks::released_letter(one[0].get<std::string>());
    CHECK((letter ? std::string(1, *letter) : "") == one[1].get<std::string>());
  }
}

TEST_CASE("CV-Bench's numbers are those of the released scorer") {
  const json golden = golden_scores()["cvbench"], &wanted = golden["value"];
  const std::string lines = lines_of(golden["lines"]);
  const Measured all = measured(Task::kCvBench, lines);
  CHECK(value(all, "combined") == Approx(wanted["combined_accuracy"].get<double>()));
  CHECK(value(all, "2D") == Approx(wanted["accuracy_2d"].get<double>()));
  CHECK(value(all, "3D") == Approx(wanted["accuracy_3d"].get<double>()));
  CHECK((value(all, "ADE20K") + value(all, "COCO")) / 2 == Approx(value(all, "2D")));
  for (const char* type : {"Count", "Relation", "Depth", "Distance"}) {
    CAPTURE(type);
    CHECK(group_value(all, type) == Approx(wanted[type].get<double>()));
  }
  // Sources are of unlike sizes: the mean over questions is another number.
  CHECK(std::abs(metrics::value_of(all.of_groups.at(0).sums) - value(all, "combined")) > 0.01);
  const Scores scores = scores_of(Task::kCvBench, all, {});
  CHECK(scores.of == 2638);
  CHECK(scores.find("combined")->low < scores.find("combined")->value);
  CHECK(scores_text(parse_scores(scores_text(scores), "s")) == scores_text(scores));
  CHECK(value(measured(Task::kCvBench, lines, "lenient"), "combined") > value(all, "combined"));
}

TEST_CASE("BLINK-spatial is the mean of its three tasks") {
  const json golden = golden_scores()["blink"], &wanted = golden["value"];
  const Measured all = measured(Task::kBlink, lines_of(golden["lines"]));
  CHECK(value(all, "average") == Approx(wanted["average"].get<double>()));
  for (const std::string_view type : tasks::kBlinkTypes)
    CHECK(group_value(all, std::string(type)) == Approx(wanted[std::string(type)].get<double>()));
}

TEST_CASE("a source without questions leaves no combined number, and says so") {
  json docs = golden_scores()["cvbench"]["lines"];
  json flat = json::array();
  for (const json& doc : docs)
    if (doc["source"] != "Omni3D") flat.push_back(doc);
  const Measured all = measured(Task::kCvBench, lines_of(flat));
  CHECK(std::isnan(value(all, "combined")));
  CHECK_FALSE(std::isnan(value(all, "2D")));
  const Scores scores = scores_of(Task::kCvBench, all, {});
  CHECK(scores.find("combined")->reason == "no question of some part");
}

TEST_CASE("unreadable and unknown: counted, or refused by name") {
  const auto line = [](const std::string& said, const std::string& more = "") {
    return R"j({"id": 1, "task": "Depth", "source": "Omni3D", "gt_response": "(A)", "choices": )j"
           R"(["x", "y"], "prediction": ")" +
           said + "\"" + more + "}\n";
  };
  const Measured none = measured(Task::kCvBench, line("none of them"));
  CHECK(none.unreadable == 1);
  CHECK(value(none, "3D") == 0);
  CHECK(measured(Task::kCvBench, line("")).unreadable == 0);
  CHECK(value(measured(Task::kCvBench, line("(a)"), "lenient"), "3D") == 100);
  CHECK(value(measured(Task::kCvBench, line("(a)")), "3D") == 0);
  const Measured all = measured(Task::kCvBench, line("A"));
  REQUIRE(all.baselines.size() == 2);
  CHECK(all.baselines[0].second.at(2) == 100);  // frequency, 3D
  CHECK(all.baselines[1].second.at(2) == 50);   // random
  CHECK(std::isnan(all.baselines[1].second.at(0)));
  CHECK_THROWS_WITH(measured(Task::kCvBench, R"({"id": 1, "gt_response": "A", "prediction": "A"})"),
                    Contains("source"));
  CHECK_THROWS_WITH(
      measured(Task::kCvBench, R"({"id": 1, "gt_response": "left", "prediction": "A"})"),
      Contains("a.jsonl:1: gt_response") && Contains("letter"));
}

TEST_CASE("the harness' log of CV-Bench is read as it is") {
  const std::string log =
      R"({"doc_id": 0, "doc": {"idx": 7, "task": "Count", "source": "COCO", "choices": ["1", "2"], )"
      R"j("filename": "a.png"}, "target": "(B)", "filtered_resps": ["B"]})j";
  const AnswerFile file = parse_answers(log, "log.jsonl", Task::kCvBench);
  const Answer& one = file.answers.at(0);
  CHECK(one.id == "7");
  CHECK(one.text == "B");
  CHECK(one.scene == "a.png");
  CHECK(one.truth->options == std::vector<std::string>{"A. 1", "B. 2"});
  CHECK(value(measured(Task::kCvBench, log), "COCO") == 100);
}

TEST_CASE("prompts of both benchmarks are the released ones") {
  const fs::path golden = test::golden("pictures");
  for (const auto& [task, name] :
       {std::pair{Asked::kCvBench, "cvbench"}, {Asked::kBlink, "blink"}}) {
    CAPTURE(name);
    const Prepared out = prepared(task, {golden / (std::string(name) + ".jsonl")}, golden);
    CHECK(out.left_out.empty());
    std::istringstream wanted(test::read_text(golden / (std::string(name) + "_answers.jsonl")));
    std::size_t i = 0;
    for (std::string line; std::getline(wanted, line); ++i)
      CHECK(out.samples.at(i).user == json::parse(line)["prompt"].get<std::string>());
    CHECK(out.samples.size() == i);
    CHECK(out.pictures == (task == Asked::kBlink ? 4 : 3));
    // There and back; as what is right, in both forms; as what is asked.
    const Folder files;
    const fs::path file = files.write("q.json", tasks::samples_text(out.samples));
    CHECK(tasks::samples_text(tasks::read_samples(file, task).samples) ==
          tasks::samples_text(out.samples));
    const Task scored = task == Asked::kBlink ? Task::kBlink : Task::kCvBench;
    const TruthFile own =
        read_truth(scored, {.annotations = golden / (std::string(name) + ".jsonl")});
    const TruthFile done = read_truth(scored, {.annotations = file});
    REQUIRE(own.questions.size() == done.questions.size());
    for (std::size_t k = 0; k < own.questions.size(); ++k) {
      CHECK(own.questions[k].answers == done.questions[k].answers);
      CHECK(own.questions[k].type == done.questions[k].type);
      CHECK(own.questions[k].source == done.questions[k].source);
      CHECK(own.questions[k].scene == done.questions[k].scene);
      CHECK(own.questions[k].options == done.questions[k].options);
    }
    CHECK(read_questions(scored, file).list.size() == out.samples.size());
    CHECK(read_questions(scored, golden / (std::string(name) + ".jsonl")).list[0].scene ==
          out.samples[0].scene);
  }
}

TEST_CASE("a bad line of CV-Bench costs only itself") {
  const Folder files;
  files.write("a.png", "x");
  files.write("empty.png", "");
  const fs::path file = files.write(
      "test_2d.jsonl", cvbench(0) + cvbench(1, R"({"task": "Size"})") +
                           cvbench(2, R"({"source": "X"})") + cvbench(3, R"j({"answer": "(C)"})j") +
                           cvbench(4, R"({"choices": ["1"]})") + cvbench(5, "", "../a.png") +
                           cvbench(0) + "{\n" + cvbench(8, "", "empty.png") +
                           cvbench(9, R"({"answer": "hidden"})"));
  const Prepared out = prepared(Asked::kCvBench, {file}, files.temp.path());
  REQUIRE(out.samples.size() == 2);
  CHECK(out.samples[0].answer == "B");
  CHECK_FALSE(out.samples[1].has_truth);
  const char* why[] = {"task",   "source",        "answer", "choices",
                       "below ", "a second time", "record", "empty.png"};
  REQUIRE(out.left_out.size() == std::size(why));
  for (std::size_t i = 0; i < std::size(why); ++i) {
    CAPTURE(i, out.left_out[i].why);
    CHECK(out.left_out[i].why.find(why[i]) != std::string::npos);
    CHECK(out.left_out[i].place.ends_with(".jsonl:" + std::to_string(i + 2)));
  }
  // Where nobody said where pictures are and none is there, all are asked.
  CHECK(prepared(Asked::kCvBench, {files.write("x/test.jsonl", cvbench(0))}, files.temp / "x", true)
            .samples.size() == 1);
  CHECK_THROWS_AS(prepared(Asked::kCvBench, {file}, files.temp / "none"), InputError);
}

TEST_CASE("files of CV-Bench and of BLINK are found in their folders") {
  const Folder files;
  files.write("cv/test_2d.jsonl", cvbench(0));
  files.write("cv/test_3d.jsonl", cvbench(1));
  AnnotationFiles found = find_annotations(Asked::kCvBench, files.temp / "cv", std::nullopt);
  CHECK(found.annotations.filename() == "test_2d.jsonl");
  CHECK(found.more == std::vector<fs::path>{files.temp / "cv/test_3d.jsonl"});
  CHECK(found.split == Split::kTest);

  // As Parquet of a task each is converted: pictures beside its lines.
  const std::string one =
      R"({"idx": "val_Relative_Depth_1", "sub_task": "Relative_Depth", "prompt": "Which?", "answer": )"
      R"j("(A)", "choices": ["A", "B"], "image_1": "val/1_image_1", "image_2": null})j";
  const std::string other = R"({"idx": "val_Jigsaw_1", "sub_task": "Jigsaw"})";
  const fs::path lines = files.write("blink/Relative_Depth/val.jsonl", one + "\n" + other + "\n");
  files.write("blink/Relative_Depth/val/1_image_1", "x");
  found = find_annotations(Asked::kBlink, files.temp / "blink", std::nullopt);
  CHECK(found.annotations == lines);
  CHECK(found.split == Split::kVal);
  const Prepared out = prepared(Asked::kBlink, {lines}, files.temp / "blink", true);
  REQUIRE(out.samples.size() == 1);
  CHECK(out.samples[0].pictures == std::vector<std::string>{"Relative_Depth/val/1_image_1"});
  CHECK(out.dropped.at("of BLINK's other tasks") == 1);
  CHECK(read_truth(Task::kBlink, {.annotations = lines}).left_out.contains("val_Jigsaw_1"));
  CHECK(read_questions(Task::kBlink, lines).list.size() == 1);

  fs::remove(lines);
  files.write("blink/Relative_Depth/val-00000-of-00001.parquet", "PAR1x");
  CHECK_THROWS_WITH(find_annotations(Asked::kBlink, files.temp / "blink", std::nullopt),
                    Contains("pandas.read_parquet(\"") && Contains("write_bytes(v[\"bytes\"])") &&
                        Contains("val-00000-of-00001.jsonl"));
}

TEST_CASE("columns of the table of both benchmarks") {
  const auto columns = parse_columns("--columns", "cvbench,blink");
  CHECK(columns.size() == 13);
  CHECK(columns[0].group == "Count");
  CHECK(columns[8].metric == "combined");
  CHECK(parse_column("c", "blink:depth").group == "Relative_Depth");
  CHECK(parse_column("c", "cv-bench:2d").metric == "2D");
}

}  // namespace vega::score::pictures_test
