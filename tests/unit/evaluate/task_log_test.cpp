#include "evaluate/task_log.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <optional>

#include "base/error.h"
#include "support/support.h"

using namespace vega;
using namespace vega::evaluate;
using Catch::Contains;
namespace fs = std::filesystem;

namespace {

Json run_of(const std::string& fingerprint, const Json& inputs = Json::object()) {
  return {{"schema", "vega.answers/1"},
          {"checkpoint", "models/a"},
          {"checkpoint_fingerprint", fingerprint},
          {"switches", {{"align", "reference"}}},
          {"inputs", inputs},
          {"host", "here"}};
}

Json line_of(const std::string& id) { return {{"sample_id", id}, {"pred_response", "brown"}}; }
std::string text_of(const std::string& id) { return line_of(id).dump() + "\n"; }
void answer(TaskLog& log, const std::string& id) {
  log.append(line_of(id),
             {.id = id, .scene = "s", .tokens = 2, .cut = id == "cut", .empty = id == "empty"});
}
std::string read(const fs::path& path) { return test::read_text(path); }

}  // namespace

TEST_CASE("an answer is in the file when append returns, and is not answered again") {
  const test::TempFolder dir;
  {
    TaskLog log(dir.path(), {}, run_of("x"));
    CHECK(log.part() == dir / "part-0-of-1.jsonl");
    CHECK_FALSE(log.has("b-10"));
    answer(log, "b-10");
    CHECK(read(log.part()) == text_of("b-10"));
    answer(log, "b-2");
  }
  TaskLog log(dir.path(), {}, run_of("x"));
  CHECK(log.has("b-10"));
  CHECK(log.answers() == 2);
  CHECK_FALSE(log.has("b-1"));
  CHECK(read(log.publish_answers()) == text_of("b-2") + text_of("b-10"));
}

TEST_CASE("a last line that a kill cut off is removed, wherever the kill came") {
  const std::string first = text_of("one"), whole = first + text_of("two");
  for (std::size_t bytes = 0; bytes <= whole.size(); ++bytes) {
    const test::TempFolder dir;
    { const TaskLog made(dir.path(), {}, run_of("x")); }
    test::write_text(dir / "part-0-of-1.jsonl", whole.substr(0, bytes));
    TaskLog log(dir.path(), {}, run_of("x"));
    // Without its line end alone, an answer is whole.
    CHECK(log.has("one") == (bytes + 1 >= first.size()));
    CHECK(log.has("two") == (bytes + 1 >= whole.size()));
    if (!log.has("one")) answer(log, "one");
    if (!log.has("two")) answer(log, "two");
    CHECK(read(log.part()) == whole);
  }
}

TEST_CASE("a power failure leaves zeros behind the last line") {
  const test::TempFolder dir;
  { const TaskLog made(dir.path(), {}, run_of("x")); }
  test::write_text(dir / "part-0-of-1.jsonl", text_of("one") + std::string(40, '\0'));
  TaskLog log(dir.path(), {}, run_of("x"));
  CHECK(log.answers() == 1);
  answer(log, "two");
  CHECK(read(log.part()) == text_of("one") + text_of("two"));
}

TEST_CASE("killed as 0/4, continued as 0/2 and 1/2 in the same folder: nothing twice") {
  const test::TempFolder dir;
  {
    TaskLog log(dir.path(), {0, 4}, run_of("x"));
    answer(log, "1");
  }
  test::write_text(dir / "part-0-of-4.jsonl", text_of("1") + "{\"sample_id\": \"5\", \"pre");
  {
    TaskLog first(dir.path(), {0, 2}, run_of("x")), second(dir.path(), {1, 2}, run_of("x"));
    CHECK(first.has("1"));
    CHECK(second.has("1"));
    CHECK_FALSE(first.has("5"));
    answer(first, "5");
    answer(second, "4");
  }
  CHECK(read(TaskLog(dir.path(), {0, 1}, run_of("x")).publish_answers()) ==
        text_of("1") + text_of("4") + text_of("5"));
}

TEST_CASE("two processes never write one part, nor parts of two shard counts at a time") {
  const test::TempFolder dir;
  const TaskLog log(dir.path(), {0, 2}, run_of("x"));
  CHECK_THROWS_WITH(TaskLog(dir.path(), {0, 2}, run_of("x")),
                    Contains("part-0-of-2.jsonl") && Contains("another process writes"));
  CHECK_THROWS_WITH(TaskLog(dir.path(), {3, 4}, run_of("x")),
                    Contains("part-0-of-2.jsonl") && Contains("another shard count"));
  CHECK_NOTHROW(TaskLog(dir.path(), {1, 2}, run_of("x")));
  CHECK_THROWS_AS(remove_answers(dir.path()), InputError);
}

TEST_CASE("another run.json is refused with the differences") {
  const test::TempFolder dir;
  { const TaskLog log(dir.path(), {}, run_of("x")); }
  Json other = run_of("y");
  other.set("switches", {{"align", "pixel"}});
  other.set("checkpoint", "models/b");  // the fingerprint decides
  other.set("host", "there");
  CHECK_THROWS_AS(TaskLog(dir.path(), {}, other), RefusedError);
  CHECK_THROWS_WITH(TaskLog(dir.path(), {}, other),
                    Contains("checkpoint_fingerprint: got \"y\", expected \"x\"") &&
                        Contains("switches.align: got \"pixel\", expected \"reference\"") &&
                        !Contains("models/b") && !Contains("there"));
  CHECK(look_at_answers(dir.path(), other).differences.size() == 2);
  fs::remove(dir / "run.json");
  CHECK_THROWS_WITH(TaskLog(dir.path(), {}, run_of("x")), Contains("without run.json"));
}

TEST_CASE("a question file that was changed is refused with what to do") {
  const test::TempFolder dir;
  Json run = run_of("x");
  run.set("questions", {{"digest", "1"}, {"count", 2}});
  { const TaskLog log(dir.path(), {}, run); }
  run.set("questions", {{"digest", "2"}, {"count", 2}});
  CHECK_THROWS_WITH(TaskLog(dir.path(), {}, run),
                    Contains("questions.digest") && Contains("the file as it was") &&
                        Contains("for this one give another -o, or start anew with --overwrite"));
}

TEST_CASE("inputs of scenes are compared where both runs have them, and may grow") {
  const test::TempFolder dir;
  const Json a{{"a", {{"semantic", "1"}}}},
      both{{"a", {{"semantic", "1"}}}, {"b", {{"semantic", "2"}}}};
  { const TaskLog log(dir.path(), {}, run_of("x", a)); }
  {
    TaskLog log(dir.path(), {}, run_of("x", both));
    CHECK_NOTHROW(log.note_inputs("b", {{"semantic", "2"}}));
    CHECK_NOTHROW(log.note_inputs("c", {{"semantic", "3"}}));
    CHECK_THROWS_WITH(log.note_inputs("b", {{"semantic", "9"}}),
                      Contains("inputs.b.semantic: got \"9\", expected \"2\""));
  }
  CHECK_NOTHROW(TaskLog(dir.path(), {}, run_of("x", a)));  // fewer scenes are no difference
  CHECK_THROWS_WITH(TaskLog(dir.path(), {}, run_of("x", {{"c", {{"semantic", "4"}}}})),
                    Contains("inputs.c.semantic: got \"4\", expected \"3\""));
}

TEST_CASE("counts are taken from the notes of all parts") {
  const test::TempFolder dir;
  {
    TaskLog log(dir.path(), {1, 2}, run_of("x"));
    answer(log, "cut");
  }
  {
    TaskLog log(dir.path(), {0, 2}, run_of("x"));
    answer(log, "empty");
    answer(log, "plain");
  }
  test::write_text(dir / "part-0-of-4.jsonl", text_of("bare"));
  const TaskLog log(dir.path(), {0, 1}, run_of("x"));
  const AnswerCounts counts = log.counts();
  CHECK(counts.answers == 4);
  CHECK(counts.cut == 1);
  CHECK(counts.empty == 1);
  CHECK(counts.unreadable == 0);
  CHECK(counts.without_note == 1);
}

TEST_CASE("a line that is no answer is named") {
  const test::TempFolder dir;
  { const TaskLog log(dir.path(), {}, run_of("x")); }
  test::write_text(dir / "part-0-of-1.jsonl", text_of("1") + "{}\n" + text_of("2"));
  CHECK_THROWS_WITH(TaskLog(dir.path(), {}, run_of("x")), Contains("part-0-of-1.jsonl:2"));
}

TEST_CASE("a folder is started anew") {
  const test::TempFolder dir;
  {
    TaskLog log(dir.path(), {0, 2}, run_of("x"));
    answer(log, "1");
    log.publish_answers();
  }
  test::write_text(dir / "notes.txt", "mine");
  remove_answers(dir.path());
  CHECK(std::distance(fs::directory_iterator(dir.path()), {}) == 1);
  const TaskLog log(dir.path(), {}, run_of("y"));
  CHECK(log.answers() == 0);
}

TEST_CASE("a damaged note costs its counts alone") {
  const test::TempFolder dir;
  {
    TaskLog log(dir.path(), {}, run_of("x"));
    answer(log, "cut");
    answer(log, "empty");
  }
  const fs::path stats = dir / "part-0-of-1.stats.jsonl";
  test::write_text(stats,
                   "{\"sample_id\": \"cu\xff\n" + read(stats).substr(read(stats).find('\n') + 1));
  TaskLog log(dir.path(), {}, run_of("x"));
  const AnswerCounts counts = log.counts();
  CHECK(counts.answers == 2);
  CHECK(counts.cut == 0);
  CHECK(counts.empty == 1);
  CHECK(counts.without_note == 1);
  CHECK(read(log.publish_answers()) == text_of("cut") + text_of("empty"));
}

TEST_CASE("a damaged run.json is refused with what to do") {
  const test::TempFolder dir;
  { const TaskLog log(dir.path(), {}, run_of("x")); }
  test::write_text(dir / "run.json", "{\"schema\": ");
  CHECK_THROWS_WITH(TaskLog(dir.path(), {}, run_of("x")),
                    Contains("run.json") && Contains("--overwrite") && !Contains("fetch"));
}

TEST_CASE("run.json of many scenes is read again, and written only for scenes it lacks") {
  const test::TempFolder dir;
  Json inputs = Json::object();
  const std::string key(32, 'a');
  for (int n = 0; n < 20'000; ++n)
    inputs.add("scene" + std::to_string(n), {{"scene", key}, {"semantic", key}});
  { const TaskLog log(dir.path(), {}, run_of("x", inputs)); }
  CHECK(fs::file_size(dir / "run.json") > (std::size_t{1} << 20));
  std::optional<TaskLog> log(std::in_place, dir.path(), Shard{}, run_of("x", inputs));
  struct stat first {
  }, second{};
  REQUIRE(stat((dir / "run.json").c_str(), &first) == 0);
  for (int n = 0; n < 100; ++n)
    log->note_inputs("scene" + std::to_string(n), {{"scene", key}, {"semantic", key}});
  CHECK_FALSE(fs::exists(dir / "part-0-of-1.inputs.jsonl"));
  log->note_inputs("another", {{"scene", key}});
  log->note_inputs("a third", {{"scene", key}}, "block: got 1, expected 2");
  REQUIRE(stat((dir / "run.json").c_str(), &second) == 0);
  CHECK(first.st_ino == second.st_ino);

  // A run that is killed here leaves its notes, of the last one perhaps a part.
  const test::TempFolder killed;
  for (const char* name : {"run.json", "part-0-of-1.jsonl", "part-0-of-1.inputs.jsonl"})
    fs::copy_file(dir / name, killed / name);
  std::ofstream(killed / "part-0-of-1.inputs.jsonl", std::ios::app) << "{\"scene\": \"torn";
  CHECK(look_at_answers(killed.path(), run_of("x", {{"another", {{"scene", "other"}}}}))
            .differences.size() == 1);
  CHECK_THROWS_WITH(TaskLog(killed.path(), {}, run_of("x", {{"another", {{"scene", "other"}}}})),
                    Contains("inputs.another.scene"));
  { const TaskLog again(killed.path(), {}, run_of("x")); }
  log.reset();
  for (const test::TempFolder* folder : {&dir, &killed}) {
    const Json run = tasks::read_run(*folder / "run.json");
    CHECK(run["inputs"].size() == 20'002);
    CHECK(run["mismatches"].size() == 1);
    CHECK_FALSE(fs::exists(*folder / "part-0-of-1.inputs.jsonl"));
  }
}
