#include "tasks/sample.h"

#include <catch2/catch.hpp>

#include "base/error.h"
#include "support/support.h"
#include "tasks/prompts.h"
#include "text/python_json.h"

using namespace vega;
using namespace vega::tasks;

namespace {

const std::string kScanRefer =
    R"({"id": 0, "video": "scannet/scene0011_00", "conversations": [{"value": "<image>Identify the )"
    R"(object according to the following description.\nThis is a red chair.", "from": "human"}, )"
    R"({"value": "<ground>", "from": "gpt"}], "box": [0.5, -1.25, 1e-05, 1.0, 0.3333333432674408, )"
    R"(2.0], "metadata": {"dataset": "scanrefer", "question_type": "unique", "ann_id": "4", )"
    R"("object_id": "7"}})";
const std::string kMulti =
    R"({"id": 3, "video": "scannet/scene0011_00", "conversations": [{"value": "<image>Identify", )"
    R"("from": "human"}, {"value": "<ground>", "from": "gpt"}], "box": [], "metadata": {"dataset": )"
    R"("multi3drefer", "question_type": "zt_w_d", "ann_id": 12, "object_id": []}})";
const std::string kCaption =
    R"({"id": 5, "video": "scannet/scene0011_00", "conversations": [{"value": "<image> Given an )"
    R"(object located at <coord> , describe the object in detail.", "from": "human"}, {"value": )"
    R"("A caf\u00e9 table.", "from": "gpt"}], "box_input": null, "gt_box": [0.0, 0.0, 0.0, 1.0, )"
    R"(1.0, 1.0], "metadata": {"dataset": "scan2cap", "question_type": "multiple", "ann_id": "0", )"
    R"("object_id": "2"}, "annotations": ["a Caf\u00e9 table.", "brown"]})";
const std::string kScanQa =
    R"({"id": "scanqa_val-scene0011_00-0_0", "video": "scannet/scene0011_00", "conversations": )"
    R"([{"value": "<image> What? Answer the question simply.", "from": "human"}, {"value": "brown", )"
    R"("from": "gpt"}], "metadata": {"dataset": "scanQA", "question_type": "unknow", "answers": )"
    R"(["brown", "tan"]}})";
const std::string kSqa3d =
    R"({"id": 220602000001, "video": "scannet/scene0011_00", "conversations": [{"value": "<image> I )"
    R"(stand. Is it? Answer the question using a single word or phrase.", "from": "human"}, )"
    R"({"value": "yes", "from": "gpt"}], "metadata": {"dataset": "sqa3d", "question_type": "is"}})";
const std::string kNr3d =
    R"({"id": 9, "video": "scannet/scene0011_00", "conversations": [{"value": "<image>Identify", )"
    R"("from": "human"}, {"value": "<ground>", "from": "gpt"}], "box": [0.0, 0.0, 0.0, 1.0, 1.0, )"
    R"(1.0], "metadata": {"dataset": "nr3d", "question_type": "easy view-dependent", "ann_id": "9", )"
    R"("object_id": "3", "distractors": [4], "candidates": [0, 3, 4]}})";

std::string list(std::initializer_list<std::string> records) {
  std::string out = "[";
  for (const std::string& record : records) out += (out.size() > 1 ? ", " : "") + record;
  return out + "]";
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != text.npos);
  return text.replace(at, from.size(), to);
}

Sample sample_of(const std::string& record, Task task) {
  SampleFile file = parse_samples(list({record}), "q.json", task);
  REQUIRE(file.samples.size() == 1);
  return file.samples[0];
}

// The fault of a record that stands beside a good one.
BadSample bad(const std::string& record, Task task = Task::kScanRefer) {
  const std::string good = task == Task::kScanRefer
                               ? replaced(kScanRefer, "\"id\": 0", "\"id\": 99")
                           : task == Task::kNr3d     ? replaced(kNr3d, "\"id\": 9", "\"id\": 99")
                           : task == Task::kScan2Cap ? replaced(kCaption, "\"id\": 5", "\"id\": 99")
                                                     : kScanQa;
  const SampleFile file = parse_samples(list({good, record}), "q.json", task);
  REQUIRE(file.samples.size() == 1);
  REQUIRE(file.bad.size() == 1);
  CHECK(file.bad[0].place == "q.json: [1]");
  return file.bad[0];
}

}  // namespace

TEST_CASE("processed questions of every task are read and written back byte for byte") {
  const std::pair<Task, std::string> all[] = {
      {Task::kScanRefer, kScanRefer}, {Task::kMulti3DRefer, kMulti}, {Task::kScan2Cap, kCaption},
      {Task::kScanQa, kScanQa},       {Task::kSqa3d, kSqa3d},        {Task::kNr3d, kNr3d}};
  for (const auto& [task, record] : all) {
    INFO(record);
    const SampleFile file = parse_samples("\xef\xbb\xbf" + list({record}) + "\n", "q.json", task);
    CHECK(file.bad.empty());
    CHECK(samples_text(file.samples) == list({record}));
    CHECK(file.samples[0].scene == "scene0011_00");
    CHECK(file.samples[0].has_truth);
  }
  const Sample found = sample_of(kScanRefer, Task::kScanRefer);
  CHECK(found.boxes == std::vector<BoxNumbers>{{0.5, -1.25, 1e-5, 1, 1.0F / 3.0F, 2}});
  CHECK(found.object_ids == std::vector<std::string>{"7"});
  const Sample caption = sample_of(kCaption, Task::kScan2Cap);
  CHECK(caption.no_proposal);
  CHECK(caption.captions == std::vector<std::string>{"a Caf\u00e9 table.", "brown"});
  CHECK(sample_of(kScanQa, Task::kScanQa).answers.size() == 2);
  CHECK(sample_of(kNr3d, Task::kNr3d).candidates == std::vector<std::int64_t>{0, 3, 4});
}

TEST_CASE("a split without public answers has questions without truth") {
  const Sample found =
      sample_of(replaced(kScanRefer, "[0.5, -1.25, 1e-05, 1.0, 0.3333333432674408, 2.0]", "null"),
                Task::kScanRefer);
  CHECK_FALSE(found.has_truth);
  CHECK(answer_line(found, {.objects = {{0, 0, 0, 1, 1, 1}}, .scores = {1, 2}}, "m")["gt_response"]
            .is_null());
  CHECK_FALSE(sample_of(replaced(kSqa3d, "\"yes\"", "\"\""), Task::kSqa3d).has_truth);
}

TEST_CASE("a bad record costs only itself and is named with its id") {
  const BadSample twice = bad(replaced(kScanRefer, "\"id\": 0", "\"id\": 99"));
  CHECK(twice.id == "99");
  CHECK_THAT(twice.why, Catch::Contains("a second time (first: [0])"));
  CHECK_THAT(bad("7").why, Catch::Contains("record: got 7, expected a JSON object"));
  CHECK_THAT(bad(replaced(kScanRefer, "\"id\": 0", "\"id\": [0]")).why, Catch::Contains("id: got"));
  CHECK_THAT(bad(replaced(kScanRefer, "conversations", "talk")).why,
             Catch::Contains("conversations: got"));
  CHECK_THAT(bad(replaced(kScanRefer, "scannet/scene0011_00", "scannet/..")).why,
             Catch::Contains("video: got"));
  CHECK_THAT(bad(replaced(kScanRefer, "1e-05", "NaN")).why, Catch::Contains("NaN"));
  CHECK(bad(replaced(kScanRefer, "1e-05", "NaN")).id == "0");
  CHECK_THAT(bad(replaced(kScanRefer, ", 2.0]", ", -2.0]")).why,
             Catch::Contains("extents from 0 on"));
  CHECK_THAT(bad(replaced(kScanRefer, ", 2.0]", "]")).why, Catch::Contains("six finite numbers"));
  const BadSample bytes = bad(replaced(kScanRefer, "red",
                                       "r\xff"
                                       "d"));
  CHECK_THAT(bytes.why, Catch::Contains("not UTF-8"));
  CHECK(bytes.id == "0");
  CHECK_THAT(bad(replaced(kScanRefer, "red", std::string(70000, 'x'))).why,
             Catch::Contains("at most 65536"));
  CHECK_THAT(bad(replaced(kScanRefer, "<image>", "")).why, Catch::Contains("begins with <image>"));
  CHECK_THAT(bad(replaced(kScanRefer, "\"scanrefer\"", "\"sqa3d\"")).why,
             Catch::Contains("another benchmark"));
  CHECK_THAT(bad(kScanRefer + kScanRefer).why, Catch::Contains("record"));
  CHECK_THAT(bad(replaced(kScanQa, "brown\", \"tan", "tan\", 7, \""), Task::kScanQa).why,
             Catch::Contains("metadata.answers"));
}

TEST_CASE("boxes are metres below a million, and ids of objects whole numbers") {
  for (const std::string number : {"1e300", "-1e6", "1e6", "1e39"}) {
    INFO(number);
    CHECK_THAT(bad(replaced(kScanRefer, "1e-05", number)).why,
               Catch::Contains("box: got") && Catch::Contains("below a million"));
    CHECK_THAT(bad(replaced(kCaption, "\"box_input\": null",
                            "\"box_input\": [" + number + ", 0, 0, 1, 1, 1]"),
                   Task::kScan2Cap)
                   .why,
               Catch::Contains("box_input: got"));
  }
  CHECK(sample_of(replaced(kScanRefer, "1e-05", "-999999.5"), Task::kScanRefer).boxes[0][2] ==
        -999999.5);
  CHECK_THAT(bad(replaced(kScanRefer, "\"object_id\": \"7\"", "\"object_id\": \"abc\"")).why,
             Catch::Contains("metadata.object_id: got \"abc\", expected whole numbers"));
  const std::pair<std::string, std::string> nr3d[] = {
      {"\"object_id\": \"abc\"", "whole numbers"},
      {"\"object_id\": \"5\"", "one of metadata.candidates"},
      {"\"object_id\": [\"3\", \"4\"]", "one object"}};
  for (const auto& [member, why] : nr3d)
    CHECK_THAT(bad(replaced(kNr3d, "\"object_id\": \"3\"", member), Task::kNr3d).why,
               Catch::Contains(why));
  for (const std::string ids : {"\"abc\"", "[\"abc\"]", "{}", "[0.5]"}) {
    const BadSample one = bad(replaced(kNr3d, "[0, 3, 4]", ids), Task::kNr3d);
    CHECK(one.id == "9");
    CHECK_THAT(one.why, Catch::Contains("metadata.candidates: got"));
  }
}

TEST_CASE("a question of VSI-Bench names data set and video") {
  const std::string good =
      R"({"id": 4, "video": "scannet/scene0011_00", "conversations": [{"value": "<image>How many?", )"
      R"("from": "human"}], "metadata": {"dataset": "vsi", "question_type": "object_counting"}})";
  CHECK(sample_of(good, Task::kVsi).video == "scannet/scene0011_00");
  for (const std::string video : {"scene0011_00", "../scene0011_00", "/scene0011_00",
                                  "a/b/scene0011_00", ".a/scene0011_00"}) {
    const std::string other = replaced(replaced(good, "scannet/scene0011_00", video), "4", "5");
    const SampleFile file = parse_samples(list({good, other}), "q.json", Task::kVsi);
    REQUIRE(file.bad.size() == 1);
    CHECK_THAT(file.bad[0].why, Catch::Contains("video: got") && Catch::Contains("DATASET/SCENE"));
  }
}

TEST_CASE("halves of surrogate pairs are repaired and counted") {
  const SampleFile file =
      parse_samples(list({replaced(kScanRefer, "red", "\\ud83d")}), "q.json", Task::kScanRefer);
  CHECK(file.repaired == 1);
  CHECK_THAT(file.samples[0].user, Catch::Contains("\ufffd"));
}

TEST_CASE("a file that is no list of questions is refused") {
  const auto read = [](const std::string& text) { parse_samples(text, "q.json", Task::kSqa3d); };
  CHECK_THROWS_WITH(read(""), Catch::Contains("an empty file"));
  CHECK_THROWS_WITH(read("[]"), Catch::Contains("an empty list"));
  CHECK_THROWS_WITH(read("{}"), Catch::Contains("a JSON object"));
  CHECK_THROWS_WITH(read(list({kScanRefer})),
                    Catch::Contains("not one question") && Catch::Contains("another benchmark"));
  CHECK_THROWS_WITH(read("[" + kSqa3d),
                    Catch::Contains("q.json: [0]") && Catch::Contains("breaks off"));
  CHECK_THROWS_WITH(read("[" + kSqa3d + ", {\"id\": \"a]"), Catch::Contains("q.json: [1]"));
  CHECK_THROWS_WITH(read(list({kSqa3d}) + "x"), Catch::Contains("more text behind the end"));
}

TEST_CASE("the train split of SQA3D keeps questions of one id where asked to") {
  const std::string text = list({kSqa3d, kSqa3d});
  CHECK(parse_samples(text, "q.json", Task::kSqa3d).bad.size() == 1);
  CHECK(parse_samples(text, "q.json", Task::kSqa3d, {.repeated_ids = true}).samples.size() == 2);
}

TEST_CASE("answer lines have the official members in their order") {
  const std::string prompt =
      R"("prompt": "The video captures 3D spatial information of a scene. Please focus on the )"
      R"(spatial relationships in the video and answer the following questions.\n<image>)";
  const std::vector<BoxNumbers> boxes = {{0, 0, 0, 1, 1, 1}, {1, 1, 1, 2, 2, 2}};
  const auto line = [&](const std::string& record, Task task, const Prediction& p) {
    return text::python_json(answer_line(sample_of(record, task), p, "tiny"));
  };
  CHECK(line(kSqa3d, Task::kSqa3d, {.text = "yes"}) ==
        R"({"dataset": "sqa3d", "sample_id": 220602000001, )" + prompt +
            R"( I stand. Is it? Answer the question using a single word or phrase.", )"
            R"("pred_response": "yes", "gt_response": "yes", "model_id": "tiny", )"
            R"("question_type": "is"})");
  // Equal scores: the first box. "No object" never wins.
  CHECK(
      line(kScanRefer, Task::kScanRefer, {.objects = boxes, .scores = {0.5, 0.5, 0.9}}) ==
      R"({"dataset": "scanrefer", "sample_id": 0, )" + prompt +
          R"(Identify the object according to the following description.\nThis is a red chair.", )"
          R"("pred_response": [0.0, 0.0, 0.0, 1.0, 1.0, 1.0], "gt_response": [0.5, -1.25, 1e-05, )"
          R"(1.0, 0.3333333432674408, 2.0], "model_id": "tiny", "question_type": "unique"})");
  CHECK(line(kMulti, Task::kMulti3DRefer, {.objects = boxes, .scores = {0.5, 0.25, 0}}) ==
        R"({"dataset": "multi3drefer", "sample_id": 3, )" + prompt +
            R"(Identify", "scores": [0.5, 0.25, 0.0], "objects": [[0.0, 0.0, 0.0, 1.0, 1.0, 1.0], )"
            R"([1.0, 1.0, 1.0, 2.0, 2.0, 2.0]], "gt_response": [], "model_id": "tiny", )"
            R"("question_type": "zt_w_d"})");
  CHECK(line(kCaption, Task::kScan2Cap, {}) ==
        R"({"dataset": "scan2cap", "sample_id": 5, )" + prompt +
            R"( Given an object located at <coord> , describe the object in detail.", )"
            R"("pred_response": "", "gt_response": ["a Caf\u00e9 table.", "brown"], "model_id": )"
            R"("tiny", "question_type": "multiple", "scene": "scannet/scene0011_00"})");
  CHECK(line(kNr3d, Task::kNr3d, {.objects = boxes, .scores = {0, 1, 2}, .ids = {3, 4}}) ==
        R"({"dataset": "nr3d", "sample_id": 9, )" + prompt +
            R"(Identify", "pred_response": 4, "gt_response": "3", "model_id": "tiny", )"
            R"("question_type": "easy view-dependent"})");
  CHECK_THROWS_WITH(line(kScanRefer, Task::kScanRefer, {.scores = {1}}), Catch::Contains("no box"));
  CHECK_THROWS_WITH(line(kScanRefer, Task::kScanRefer, {.objects = boxes, .scores = {1}}),
                    Catch::Contains("1 scores, expected 3"));
}

TEST_CASE("prompts come from a file, and their words are checked") {
  const Prompts mine = Prompts::parse(
      R"({"schema": "vega.prompts/1", "tasks": {"scanqa": {"user": "<image>Q: {question}\nA:", "answer": "{answer}."}}})",
      "p.json");
  CHECK(filled(mine.of(Task::kScanQa).user, {.question = "{answer}?"}) ==
        "<image>Q: {answer}?\nA:");
  CHECK(filled("{description:capitalize}", {.description = "a RED Chair"}) == "A red chair");
  CHECK_THROWS_WITH(mine.of(Task::kSqa3d), Catch::Contains("no prompt of sqa3d"));
  const auto parse = [](const std::string& prompt) {
    Prompts::parse(R"({"schema": "vega.prompts/1", "tasks": {)" + prompt + "}}", "p.json");
  };
  CHECK_THROWS_WITH(parse(R"("vqa": {"user": "<image>", "answer": ""})"),
                    Catch::Contains("tasks.vqa: got an unknown task"));
  CHECK_THROWS_WITH(parse(R"("scanqa": {"user": "{question}", "answer": ""})"),
                    Catch::Contains("begins with <image>"));
  CHECK_THROWS_WITH(parse(R"("scanqa": {"user": "<image>{q}", "answer": ""})"),
                    Catch::Contains("got {q}"));
  CHECK_THROWS_WITH(parse(""), Catch::Contains("one task at least"));
}
