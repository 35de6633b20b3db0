#include "score/answers.h"

#include <catch2/catch.hpp>

#include "base/error.h"
#include "score/lines.h"
#include "support/support.h"

using namespace vega;
using namespace vega::score;
using Catch::Matchers::Contains;

TEST_CASE("ids of ScanQA's release name the question, whichever answer is meant") {
  CHECK(question_id(Task::kScanQa, "scanqa_val-scene0011_00-0_3") == "val-scene0011_00-0");
  CHECK(question_id(Task::kScanQa, "val-scene0011_00-0") == "val-scene0011_00-0");
  CHECK(question_id(Task::kSqa3d, "scanqa_1_2") == "scanqa_1_2");
  CHECK(scene_in("scanqa_val-scene0011_00-0_3") == "scene0011_00");
  CHECK(scene_in("scannet/scene0704_01") == "scene0704_01");
  CHECK(scene_in("scene11_0").empty());
  CHECK(scene_in("scene").empty());
}

TEST_CASE("the dataset of lines names a benchmark in every spelling") {
  CHECK(task_of_dataset("scanQA") == Task::kScanQa);
  CHECK(task_of_dataset("Scan2Cap_val") == Task::kScan2Cap);
  CHECK(task_of_dataset("multi-3d refer") == Task::kMulti3DRefer);
  CHECK(task_of_dataset("vsi") == Task::kVsi);
  CHECK(task_of_dataset("VSI-Bench") == Task::kVsi);
  CHECK_FALSE(task_of_dataset("scannet"));  // of VSI-Bench's lines: where the video comes from
  CHECK_FALSE(task_of_dataset(""));
}

TEST_CASE("the scene of Scan2Cap's official lines is its video") {
  const AnswerFile file = parse_answers(
      R"({"dataset": "scan2cap", "sample_id": 0, "pred_response": "", "scene": "scannet/scene0011_00"})",
      "a.jsonl", Task::kScan2Cap);
  CHECK(file.answers.at(0).scene == "scene0011_00");
}

TEST_CASE("the log of VSI-Bench's harness is read") {
  const auto file = parse_answers(
      R"({"doc_id": 4, "doc": {"id": 17, "dataset": "scannet", "scene_name": "scene0015_00", "question_type": "object_counting", "ground_truth": "3", "options": null, "prediction": "x"}, "target": "3", "resps": [["4 chairs"]], "filtered_resps": ["4"]})",
      "log.jsonl", Task::kVsi);
  REQUIRE(file.answers.size() == 1);
  const Answer& answer = file.answers[0];
  CHECK(answer.id == "17");
  CHECK(answer.scene == "scene0015_00");
  CHECK(answer.type == "object_counting");
  CHECK(answer.text == "4");
  REQUIRE(answer.truth);
  CHECK(answer.truth->answers == std::vector<std::string>{"3"});
}

TEST_CASE("one rule finds the id of an answer, whatever else the line holds") {
  const auto id = [](const char* line) {
    const Json json = parse_json(line, {"line", "a line"});
    return id_text(answer_id(json)).value_or("none");
  };
  CHECK(id(R"({"id": 5, "sample_id": "a"})") == "a");
  CHECK(id(R"({"sample_id": null, "question_id": 7, "doc_id": 1})") == "7");
  CHECK(id(R"({"doc_id": 4, "doc": {"id": 17}, "sample_id": "a"})") == "17");
  CHECK(id(R"({"doc_id": 4, "doc": {"question_id": 17}})") == "4");
  CHECK(id(R"({"doc": {"question_id": 17}})") == "17");
  CHECK(id(R"({"id": 220602000002})") == "220602000002");
  CHECK(id(R"({"id": 1.5})") == "none");
  CHECK(id(R"({"id": [1]})") == "none");
  CHECK(id(R"({"doc": 3})") == "none");
  CHECK_THROWS_WITH(parse_answers("{\"sample_id\": \"\", \"id\": 3, \"prediction\": \"a\"}",
                                  "a.jsonl", Task::kSqa3d),
                    Contains("a.jsonl:1: sample_id"));
}

TEST_CASE("packed files and UTF-16 are named for what they are") {
  const auto none = [](std::size_t, const Json&) {};
  for (const auto& [start, word] : {std::pair{"\x1f\x8b\x08", "gunzip"},
                                    {"PK\x03\x04", "unzip"},
                                    {"\xfd"
                                     "7zXZ",
                                     "unxz"},
                                    {"\x28\xb5\x2f\xfd", "unzstd"},
                                    {"\xff\xfe{", "UTF-8"}})
    CHECK_THROWS_WITH(each_record(start, "f", "a record", none), Contains(word));
}

TEST_CASE("answers that are empty, cut, or cannot be read are told apart") {
  const auto file = parse_answers(
      "{\"sample_id\": 1, \"pred_response\": [], \"finish_reason\": \"stop\"}\n"
      "{\"sample_id\": 2, \"pred_response\": \"the left one\", \"finish_reason\": \"length\"}\n"
      "{\"sample_id\": 3, \"pred_response\": null, \"cut\": true}\n",
      "a.jsonl", Task::kScanRefer);
  REQUIRE(file.answers.size() == 3);
  CHECK(file.answers[0].empty);
  CHECK(file.answers[0].cut == false);
  CHECK_FALSE(file.answers[1].unreadable.empty());
  CHECK(file.answers[1].cut == true);
  CHECK(file.answers[2].empty);
  CHECK(file.answers[2].cut == true);
}

TEST_CASE("halves of surrogate pairs become U+FFFD, whole pairs stay, escaped backslashes too") {
  std::size_t count = 0;
  CHECK(
      with_whole_surrogates(R"("\ud83d\ude00 \ud83d \ude00 \\ud83d \ud83d\ud83d\ude00")", count) ==
      R"("\ud83d\ude00 \ufffd \ufffd \\ud83d \ufffd\ud83d\ude00")");
  CHECK(count == 3);
  CHECK(with_whole_surrogates("\\", count) == "\\");
  CHECK(with_whole_surrogates("\\ud8", count) == "\\ud8");
}

TEST_CASE("numbers that JSON does not have are found outside of texts only") {
  CHECK(foreign_number(R"({"a": [1, NaN]})") == "NaN");
  CHECK(foreign_number(R"({"a": -Infinity})") == "-Infinity");
  CHECK(foreign_number(R"({"NaN": "Infinity \" NaN"})").empty());
}

TEST_CASE("records are counted by line, with any line end, and the last needs none") {
  std::vector<std::size_t> lines;
  each_record("\xef\xbb\xbf{\"a\":1}\r\n\r\n{\"a\":2}\n{\"a\":3}", "f", "a record",
              [&](std::size_t line, const Json& record) {
                lines.push_back(line);
                CHECK(record["a"].whole() == static_cast<std::int64_t>(lines.size()));
              });
  CHECK(lines == std::vector<std::size_t>{1, 3, 4});
  const auto none = [](std::size_t, const Json&) {};
  CHECK_THROWS_WITH(each_record("{}\n[1]", "f", "a record", none), Contains("f:2"));
  CHECK_THROWS_WITH(each_record("{}\n{", "f", "a record", none), Contains("f:2"));
  CHECK_THROWS_WITH(each_record("", "f", "a record", none), Contains("f: got no record"));
}

TEST_CASE("which answers were cut stands in the notes beside the parts") {
  const test::TempFolder dir;
  test::write_text(dir / "answers.jsonl",
                   "{\"sample_id\": \"scanqa_val-scene0011_00-0_0\", \"pred_response\": \"a\"}\n"
                   "{\"sample_id\": \"scanqa_val-scene0011_00-1_0\", \"pred_response\": \"b\"}\n"
                   "{\"sample_id\": \"scanqa_val-scene0011_00-2_0\", \"pred_response\": \"c\"}\n");
  test::write_text(dir / "part-1-of-2.jsonl", "");
  test::write_text(
      dir / "part-1-of-2.stats.jsonl",
      "{\"sample_id\": \"scanqa_val-scene0011_00-0_0\", \"cut\": true}\n"
      "{\"sample_id\": \"scanqa_val-scene0011_00-2_0\", \"cut\": false}\n{\"sample_id");
  const AnswerFile file = read_answers(dir / "answers.jsonl", Task::kScanQa);
  REQUIRE(file.answers.size() == 3);
  CHECK(file.answers[0].cut == true);
  CHECK_FALSE(file.answers[1].cut);
  CHECK(file.answers[2].cut == false);
}
