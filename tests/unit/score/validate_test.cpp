#include "score/validate.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "base/error.h"
#include "score/truth.h"
#include "score/validate_questions.h"
#include "score/validate_submission.h"
#include "support/support.h"

using namespace vega;
using namespace vega::score;

namespace {

std::string scanqa_line(const std::string& id, const std::string& answer = "brown") {
  return "{\"dataset\": \"scanQA\", \"sample_id\": \"" + id + "\", \"pred_response\": \"" + answer +
         "\"}\n";
}

std::string scanrefer_line(int id, const std::string& box, const std::string& more = "") {
  return "{\"dataset\": \"scanrefer\", \"sample_id\": " + std::to_string(id) +
         ", \"pred_response\": " + box + more + "}\n";
}

struct ValidationFiles {
  test::TempFolder folder;
  std::filesystem::path write(const std::string& name, const std::string& text) const {
    test::write_text(folder / name, text);
    return folder / name;
  }
  // Two questions of ScanQA without answers, as the test split has them.
  AskedQuestions scanqa() const {
    return read_questions(
        Task::kScanQa,
        write(
            "test.json",
            R"([{"question_id": "test-scene0001_00-0", "scene_id": "scene0001_00", "question": "?"},
                                 {"question_id": "test-scene0002_00-1", "scene_id": "scene0002_00", "question": "?"}])"));
  }
  AskedQuestions scanrefer() const {
    return read_questions(
        Task::kScanRefer,
        write(
            "ScanRefer.json",
            R"([{"scene_id": "scene0001_00", "object_id": "3", "object_name": "chair", "ann_id": "0"},
                  {"scene_id": "scene0001_00", "object_id": "4", "object_name": "chair", "ann_id": "1"},
                  {"scene_id": "scene0001_00", "object_id": "3", "object_name": "chair", "ann_id": "2"},
                  {"scene_id": "scene0002_00", "object_id": "9", "object_name": "night_stand", "ann_id": "0"}])"));
  }
};

std::vector<std::string> faults(const std::string& text, Task task, const AskedQuestions* asked,
                                bool partial = false) {
  return validate_answers(text, "a.jsonl", task, asked, partial).faults;
}

}  // namespace

TEST_CASE("a whole answer file has no faults") {
  const ValidationFiles files;
  const AskedQuestions asked = files.scanqa();
  CHECK(asked.list.size() == 2);
  const Validation found = validate_answers(
      "\n" + scanqa_line("test-scene0002_00-1", " ") + scanqa_line("scanqa_test-scene0001_00-0_0"),
      "a.jsonl", Task::kScanQa, &asked, false);
  CHECK(found.faults.empty());
  CHECK(found.answers == 2);
  CHECK(found.empty == 1);
  REQUIRE(found.file);
  CHECK(found.file->answers[1].line == 3);
}

TEST_CASE("missing, repeated and foreign questions, each with its line") {
  const ValidationFiles files;
  const AskedQuestions asked = files.scanqa();
  const std::string text = scanqa_line("test-scene0001_00-0") + scanqa_line("test-scene0001_00-0") +
                           scanqa_line("val-scene0001_00-0");
  const auto found = faults(text, Task::kScanQa, &asked);
  REQUIRE(found.size() == 3);
  CHECK_THAT(found[0],
             Catch::StartsWith(
                 "a.jsonl:2: sample_id: got 'test-scene0001_00-0' a second time (first: line 1)"));
  CHECK_THAT(found[1], Catch::StartsWith("a.jsonl:3: sample_id: got 'val-scene0001_00-0'") &&
                           Catch::Contains("another split?"));
  CHECK_THAT(found[2], Catch::Contains("no answer to 'test-scene0002_00-1'"));
  CHECK(faults(text, Task::kScanQa, &asked, true).size() == 2);
}

TEST_CASE("every line that cannot be read is named") {
  const auto found = faults(
      scanrefer_line(0, "[1, 2, 3, 1, 1, -1]") + "{\"sample_id\": 1\n" + "[1]\n" +
          scanrefer_line(3, "[1, 2, 3, 1, 1, NaN]") +
          scanrefer_line(4, "[1, 2, 3, 1, 1, 1, 0, 0, 0.5]") +
          scanrefer_line(5, "[1, 2, 3, 1, 1, 1, 0, 0, 0]") +
          "{\"dataset\": \"sqa3d\", \"sample_id\": 6, \"pred_response\": [1, 2, 3, 1, 1, 1]}\n",
      Task::kScanRefer, nullptr);
  REQUIRE(found.size() == 6);
  CHECK_THAT(found[0], Catch::StartsWith("a.jsonl:1: pred_response: got extent 2 is -1"));
  CHECK_THAT(found[1], Catch::StartsWith("a.jsonl:2: "));
  CHECK_THAT(found[2], Catch::StartsWith("a.jsonl:3: "));
  CHECK_THAT(found[3], Catch::StartsWith("a.jsonl:4: "));
  CHECK_THAT(found[4], Catch::StartsWith("a.jsonl:5: pred_response: got angle 2 is 0.5"));
  CHECK_THAT(found[5], Catch::StartsWith("a.jsonl:7: dataset: "));
}

TEST_CASE("many faults of one kind are counted") {
  std::string text;
  for (int i = 0; i < 25; ++i) text += "{bad\n";
  const auto found = faults(text, Task::kScanQa, nullptr);
  REQUIRE(found.size() == kShownFaults + 1);
  CHECK(found.back() == "... and 15 more: lines that cannot be read");
}

TEST_CASE("without an annotation file the number of questions is compared") {
  CHECK_THAT(faults(scanqa_line("a"), Task::kScanQa, nullptr).at(0),
             Catch::Contains("1 answer, expected 4675, the questions of ScanQA val"));
  CHECK(faults(scanqa_line("a"), Task::kScanQa, nullptr, true).empty());
  CHECK(faults("", Task::kScanQa, nullptr).size() == 1);
  CHECK(faults("", Task::kScanQa, nullptr, true).size() == 1);
}

TEST_CASE("a row number that means another scene is another split") {
  const ValidationFiles files;
  const AskedQuestions asked = files.scanrefer();
  std::string text;
  for (int i = 0; i < 4; ++i)
    text += scanrefer_line(i, "[1, 2, 3, 1, 1, 1]",
                           i == 3 ? ", \"video\": \"scannet/scene0700_00\"" : "");
  const auto found = faults(text, Task::kScanRefer, &asked);
  REQUIRE(found.size() == 1);
  CHECK_THAT(found[0],
             Catch::StartsWith("a.jsonl:4: scene: got scene0700_00, expected scene0002_00"));
}

TEST_CASE("questions of every form of annotation file") {
  const ValidationFiles files;
  const auto ids = [](const AskedQuestions& asked) {
    std::string out;
    for (const auto& one : asked.list) out += one.id + "@" + one.scene + " ";
    return out;
  };
  const auto asked = [&](Task task, const std::string& name, const std::string& text) {
    return ids(read_questions(task, files.write(name, text)));
  };
  CHECK(ids(files.scanrefer()) == "0@scene0001_00 1@scene0001_00 2@scene0001_00 3@scene0002_00 ");
  CHECK(ids(read_questions(Task::kScan2Cap, files.folder / "ScanRefer.json")) ==
        "0@scene0001_00 1@scene0001_00 3@scene0002_00 ");
  CHECK(asked(Task::kSqa3d, "q.json",
              R"({"questions": [{"question_id": 17, "scene_id": "scene0380_00"}]})") ==
        "17@scene0380_00 ");
  CHECK(
      asked(
          Task::kSqa3d, "a.json",
          R"({"annotations": [{"question_id": 17, "scene_id": "scene0380_00", "answers": []}]})") ==
      "17@scene0380_00 ");
  CHECK(asked(Task::kMulti3DRefer, "m.json",
              R"([{"scene_id": "scene0001_00", "object_ids": [1, 2]}])") == "0@scene0001_00 ");
  CHECK(asked(Task::kVsi, "test.jsonl", "{\"id\": 5, \"scene_name\": \"41069025\"}\n") ==
        "5@41069025 ");
  CHECK(
      asked(
          Task::kScanQa, "p.json",
          R"([{"id": "scanqa_val-scene0011_00-0_0", "video": "scannet/scene0011_00", "conversations": []}])") ==
      "val-scene0011_00-0@scene0011_00 ");
  CHECK_THROWS_AS(asked(Task::kScanQa, "x.json", "{\"a\": 1}"), FormatError);
  CHECK_THROWS_AS(asked(Task::kScanQa, "x.json", "[]"), FormatError);
  CHECK_THROWS_AS(asked(Task::kScanQa, "x.json", ""), FormatError);
  CHECK_THROWS_AS(asked(Task::kScanQa, "x.json", R"([{"scene_id": "a"}])"), FormatError);
  CHECK_THROWS_WITH(
      asked(Task::kScanQa, "x.json", R"([{"question_id": "a"}, {"question_id": "a"}])"),
      Catch::Contains("question 'a' twice"));
}

TEST_CASE("processed questions of another benchmark are refused with both names") {
  const ValidationFiles files;
  const char* other =
      R"([{"id": 7, "video": "scannet/scene0011_00", "metadata": {"dataset": "sqa3d"},
           "conversations": [{"from": "human", "value": "?"}, {"from": "gpt", "value": "left"}]}])";
  const auto path = files.write("other.json", other);
  const auto both = Catch::Contains("got \"sqa3d\", expected questions of scanqa");
  CHECK_THROWS_WITH(read_questions(Task::kScanQa, path), both);
  CHECK_THROWS_WITH(read_truth(Task::kScanQa, {.annotations = path}), both);
  CHECK(read_truth(Task::kSqa3d, {.annotations = path}).questions.size() == 1);
}

TEST_CASE("a record keeps digests and finds changes") {
  const ValidationFiles files;
  const auto record = files.folder / "record.json";
  CHECK(compare_record(record, Task::kScanQa, {{"gt", "aa"}}).empty());
  CHECK(compare_record(record, Task::kScanQa, {{"gt", "aa"}, {"labels", "bb"}}).empty());
  CHECK(compare_record(record, Task::kSqa3d, {{"gt", "cc"}}).empty());
  const std::string before = test::read_text(record);
  const auto found = compare_record(record, Task::kScanQa, {{"gt", "xx"}, {"boxes", "dd"}});
  REQUIRE(found.size() == 1);
  CHECK_THAT(found[0], Catch::Contains("--gt: got sha256 xx, expected aa"));
  CHECK(test::read_text(record) == before);
  files.write("record.json", "{\"schema\": \"other\"}");
  CHECK_THROWS_AS(compare_record(record, Task::kScanQa, {{"gt", "aa"}}), FormatError);
}

TEST_CASE("the file that ScanQA's server takes") {
  const ValidationFiles files;
  const AskedQuestions asked = files.scanqa();
  const Validation found =
      validate_answers(scanqa_line("test-scene0002_00-1", "two \\\"big\\\" ones") +
                           scanqa_line("test-scene0001_00-0"),
                       "a.jsonl", Task::kScanQa, &asked, false);
  const auto json = parse_json(submission_text(*found.file, asked, {}));
  REQUIRE(json);
  REQUIRE(json->size() == 2);
  const Json& first = (*json)[std::size_t{0}];
  CHECK(first["question_id"].text_or("") == "test-scene0001_00-0");
  CHECK(first["scene_id"].text_or("") == "scene0001_00");
  CHECK(first["answer_top10"].size() == 10);
  CHECK(first["answer_top10"][9].text_or("") == "brown");
  CHECK(first["bbox"].size() == 8);
  CHECK((*json)[std::size_t{1}]["answer_top10"][std::size_t{0}].text_or("") == "two \"big\" ones");
}

TEST_CASE("the file that ScanRefer's server takes") {
  const ValidationFiles files;
  const AskedQuestions asked = files.scanrefer();
  const auto labels =
      files.write("labels.tsv",
                  "id\traw_category\tx\ty\tnyu40id\n1\tchair\t-\t-\t5\n2\tnight stand\t-\t-\t32\n");
  std::string text;
  for (int i = 0; i < 4; ++i) text += scanrefer_line(i, "[1, 2, 3, 2, 4, 6]");
  const Validation found = validate_answers(text, "a.jsonl", Task::kScanRefer, &asked, false);
  REQUIRE(found.file);
  CHECK_THROWS_AS(submission_text(*found.file, asked, {}), UsageError);
  const auto json = parse_json(submission_text(*found.file, asked, labels));
  REQUIRE(json);
  REQUIRE(json->size() == 4);
  const Json& chair = (*json)[std::size_t{2}];
  const Json& stand = (*json)[std::size_t{3}];
  CHECK(chair["object_id"].text_or("") == "3");
  CHECK(chair["ann_id"].text_or("") == "2");
  CHECK(chair["unique_multiple"].whole() == 1);
  CHECK(chair["others"].whole() == 0);
  CHECK(stand["unique_multiple"].whole() == 0);
  CHECK(stand["others"].whole() == 1);
  double low[3] = {9, 9, 9}, high[3] = {-9, -9, -9};
  REQUIRE(chair["bbox"].size() == 8);
  for (const Json& corner : chair["bbox"].elements()) {
    for (std::size_t axis = 0; axis < 3; ++axis) {
      low[axis] = std::min(low[axis], *corner[axis].number());
      high[axis] = std::max(high[axis], *corner[axis].number());
    }
  }
  CHECK((low[0] == 0 && low[1] == 0 && low[2] == 0));
  CHECK((high[0] == 2 && high[1] == 4 && high[2] == 6));
  CHECK_FALSE(no_server(Task::kSqa3d).empty());
}
