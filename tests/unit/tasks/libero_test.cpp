#include "tasks/libero.h"

#include <catch2/catch.hpp>

#include "base/error.h"

using namespace vega;
using namespace vega::tasks;

namespace {

std::string episode(int number, bool success, const std::string& error = {}) {
  return "\nTask: open the middle drawer of the cabinet\nStarting episode " +
         std::to_string(number) + "...\n" +
         (error.empty() ? "" : "Episode error: " + error + "\n") +
         "Success: " + (success ? "True" : "False") + "\n";
}

const std::string kStart = "Task suite: libero_goal\nUsing default initial states\n";

}  // namespace

TEST_CASE("a text log is recounted") {
  const std::string log = kStart + episode(1, true) + episode(2, false) +
                          episode(3, true, "simulator died") +
                          "Final results:\nTotal episodes: 3\nTotal successes: 1\n";
  const auto runs = read_libero_log(log, "log.txt");
  REQUIRE(runs.size() == 1);
  REQUIRE(runs[0].episodes.size() == 3);
  CHECK(runs[0].finished);
  CHECK(runs[0].episodes[0].success);
  CHECK_FALSE(runs[0].episodes[1].success);
  CHECK_FALSE(runs[0].episodes[2].success);  // an episode with an error is a failure
  CHECK(runs[0].episodes[2].error == "simulator died");
  CHECK(runs[0].episodes[2].episode == 2);
  CHECK_THROWS_WITH(read_libero_log(kStart + episode(1, true) + "Total episodes: 2\n", "log.txt"),
                    Catch::Contains("log.txt:7") && Catch::Contains("states 2 episodes"));
}

TEST_CASE("a log that was cut, with a second run behind it, is two runs") {
  const std::string log = kStart + episode(1, true) + "\nTask: push\nStarting episode 2...\n" +
                          kStart + episode(1, false) + "Total episodes: 1\n";
  const auto runs = read_libero_log(log, "log.txt");
  REQUIRE(runs.size() == 2);
  CHECK_FALSE(runs[0].finished);
  CHECK(runs[0].episodes.size() == 2);
  CHECK(runs[0].episodes[1].error == "the log ends in this episode");
  CHECK(runs[1].finished);
  CHECK(runs[0].last_line + 1 == runs[1].first_line);
}

TEST_CASE("JSON Lines and CSV hold the same episodes") {
  const auto json = read_libero_log(
      R"({"run": {"model": "m"}}
{"suite": "libero_10", "task_id": 3, "episode": 0, "seed": 7, "success": true, "error": null}
{"suite": "libero_10", "task_id": 3, "episode": 1, "seed": 7, "success": false, "error": null}
)",
      "log.jsonl");
  const auto csv = read_libero_log(
      "suite,task_id,episode,seed,success,error\nlibero_10,3,0,7,True,\nlibero_10,3,1,7,False,\n",
      "log.csv");
  REQUIRE(json[0].episodes.size() == 2);
  REQUIRE(csv[0].episodes.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(json[0].episodes[i].task == csv[0].episodes[i].task);
    CHECK(json[0].episodes[i].success == csv[0].episodes[i].success);
    CHECK(json[0].episodes[i].seed == 7);
  }
}

TEST_CASE("LIBERO logs that cannot be trusted") {
  const std::string twice =
      R"({"suite": "s", "task": "t", "episode": 0, "seed": 7, "success": true}
{"suite": "s", "task": "t", "episode": 0, "seed": 7, "success": true}
)";
  CHECK_THROWS_WITH(read_libero_log(twice, "a.jsonl"), Catch::Contains("a.jsonl:2"));
  CHECK_THROWS_AS(read_libero_log("", "a"), FormatError);
  CHECK_THROWS_AS(read_libero_log("hello\n", "a"), FormatError);
  CHECK_THROWS_AS(read_libero_log(kStart + "Success: Maybe\n", "a"), FormatError);
}
