#include "score/merge.h"

#include <catch2/catch.hpp>

#include "base/error.h"
#include "support/support.h"

using namespace vega;
using namespace vega::score;

namespace {

std::string line(const std::string& id, const std::string& answer = "brown") {
  return "{\"sample_id\": \"" + id + "\", \"pred_response\": \"" + answer + "\"}\n";
}

struct Folder {
  test::TempFolder folder;
  void part(std::size_t i, std::size_t n, const std::string& text) const {
    test::write_text(folder / ("part-" + std::to_string(i) + "-of-" + std::to_string(n) + ".jsonl"),
                     text);
  }
  std::vector<Part> find() const { return find_parts({folder.path().string()}); }
  Merged merge() const { return merge_parts(find()); }
};

}  // namespace

TEST_CASE("parts become one file in the order of the sample ids") {
  const Folder run;
  run.part(0, 2, line("scene-10") + line("scene-2"));
  run.part(1, 2, "\xef\xbb\xbf" + line("scene-1") + "{\"doc\": {\"id\": 7}, \"x\":  1.50}\r\n\n");
  const Merged merged = run.merge();
  CHECK(merged.answers == 4);
  CHECK(merged.text == "{\"doc\": {\"id\": 7}, \"x\":  1.50}\n" + line("scene-1") +
                           line("scene-2") + line("scene-10"));
  CHECK(merged.notes.empty());
}

TEST_CASE("more shards than questions: empty parts count") {
  const Folder run;
  run.part(0, 3, line("a"));
  run.part(1, 3, "");
  run.part(2, 3, "\n");
  CHECK(run.merge().answers == 1);
}

TEST_CASE("missing parts are named") {
  const Folder run;
  run.part(0, 4, line("a"));
  run.part(2, 4, line("b"));
  CHECK_THROWS_AS(run.find(), InputError);
  CHECK_THROWS_WITH(run.find(), Catch::Contains("missing: part-1-of-4.jsonl, part-3-of-4.jsonl"));
}

TEST_CASE("a run that was stopped as 0/4 and went on as 0/2 and 1/2") {
  const Folder run;
  run.part(0, 4, line("1") + "{\"sample_id\": \"5\", \"pred_re");  // killed within a line
  run.part(0, 2, line("3") + line("5"));
  CHECK_THROWS_WITH(run.find(),
                    Catch::Contains("part-1-of-2.jsonl") &&
                        Catch::Contains("or of the run with 4 shards part-1-of-4.jsonl"));
  run.part(1, 2, line("2") + line("4"));
  const Merged merged = run.merge();
  CHECK(merged.text == line("1") + line("2") + line("3") + line("4") + line("5"));
  REQUIRE(merged.notes.size() == 1);
  CHECK_THAT(merged.notes[0], Catch::Contains("part-0-of-4.jsonl:2: a line without its end"));
}

TEST_CASE("a line without its end is an error where nothing went on behind it") {
  const Folder run;
  run.part(0, 1, line("1") + "{\"sample_id\": \"5\", \"pred_re");
  CHECK_THROWS_AS(run.merge(), FormatError);
  CHECK_THROWS_WITH(run.merge(), Catch::Contains("part-0-of-1.jsonl:2"));
  const Folder whole;  // the line end alone is missing
  whole.part(0, 1, line("1") + "{\"sample_id\": \"5\"}");
  CHECK(whole.merge().text == line("1") + "{\"sample_id\": \"5\"}\n");
}

TEST_CASE("overlapping parts are named; equal answers are taken once, others are refused") {
  const Folder run;
  run.part(0, 2, line("1") + line("2"));
  run.part(1, 2, line("2") + line("3"));
  const Merged merged = run.merge();
  CHECK(merged.text == line("1") + line("2") + line("3"));
  REQUIRE(merged.notes.size() == 1);
  CHECK_THAT(merged.notes[0], Catch::Contains("part-0-of-2.jsonl and ") &&
                                  Catch::Contains("part-1-of-2.jsonl overlap: 1 answer of both"));
  run.part(1, 2, line("3") + line("2", "white"));
  CHECK_THROWS_AS(run.merge(), InputError);
  CHECK_THROWS_WITH(run.merge(),
                    Catch::Contains("part-1-of-2.jsonl:2: got another answer to '2'") &&
                        Catch::Contains("part-0-of-2.jsonl:2"));
}

TEST_CASE("what is no part, and parts twice") {
  const Folder run;
  CHECK_THROWS_WITH(run.find(), Catch::Contains("no part of a run"));
  CHECK_THROWS_AS(find_parts({}), UsageError);
  CHECK_THROWS_AS(find_parts({(run.folder / "none").string()}), InputError);
  for (const char* name : {"part-1-of-1.jsonl", "part-x-of-2.jsonl", "part-0-of-2.json",
                           "answers.jsonl", "part--1-of-2.jsonl", "part-0-of-0.jsonl"}) {
    test::write_text(run.folder / name, line("1"));
    CHECK_THROWS_WITH(run.find(), Catch::Contains("no part of a run"));
  }
  run.part(0, 1, line("1"));
  const std::string path = (run.folder / "part-0-of-1.jsonl").string();
  CHECK_THROWS_WITH(find_parts({path, run.folder.path().string()}),
                    Catch::Contains("each part once"));
  run.part(0, 1, "[1]\n");
  CHECK_THROWS_AS(run.merge(), FormatError);
  run.part(0, 1, "{\"pred_response\": \"x\"}\n");
  CHECK_THROWS_WITH(run.merge(), Catch::Contains("part-0-of-1.jsonl:1: sample_id"));
}

TEST_CASE("runs differ in what changes answers, not in what a shard says of itself") {
  const Json a = {{"checkpoint", "x"}, {"seed", 42}, {"shard", "0/2"}, {"host", "n1"}};
  const Json b = {{"checkpoint", "x"}, {"seed", 42}, {"shard", "1/2"}, {"host", "n2"}};
  const Json c = {{"checkpoint", "y"}, {"seed", 42}, {"prompt", "p"}};
  CHECK(run_differences(a, b).empty());
  CHECK(run_differences(a, c) == std::vector<std::string>{"checkpoint: got \"y\", expected \"x\"",
                                                          "prompt: got \"p\", expected null"});
}
