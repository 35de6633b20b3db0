#include "train/metrics_file.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>

#include "base/error.h"
#include "support/support.h"

using namespace vega;
using namespace vega::train;
using Catch::Contains;

namespace {

std::string line_of(int step, double loss) {
  return Json{{"step", step}, {"loss", loss}, {"rate", {{"fusion", 1e-3}}}}.dump();
}

std::filesystem::path written(const std::filesystem::path& folder, const std::string& text) {
  std::ofstream(folder / kMetricsFile) << text;
  return folder / kMetricsFile;
}

}  // namespace

TEST_CASE("steps that a resumed run did again count once, the last time") {
  const test::TempFolder folder;
  std::string text;
  for (int step = 1; step <= 150; ++step) text += line_of(step, 1) + "\n";
  for (int step = 101; step <= 200; ++step) text += line_of(step, 2) + "\n";
  const auto steps = read_metrics(written(folder.path(), text));
  REQUIRE(steps.size() == 200);
  for (int i = 0; i < 200; ++i) {
    CHECK(steps[static_cast<std::size_t>(i)].step == i + 1);
    CHECK(steps[static_cast<std::size_t>(i)].loss == (i < 100 ? 1 : 2));
  }
}

TEST_CASE("a resumed run that is not yet as far as before has the steps that it did") {
  const test::TempFolder folder;
  std::string text;
  for (int step = 1; step <= 150; ++step) text += line_of(step, 1) + "\n";
  for (int step = 101; step <= 120; ++step) text += line_of(step, 2) + "\n";
  const auto steps = read_metrics(written(folder.path(), text));
  REQUIRE(steps.size() == 120);
  CHECK(steps.back().loss == 2);
}

TEST_CASE("a torn line is left out, wherever a kill left it") {
  const test::TempFolder folder;
  const std::string torn = line_of(3, 1).substr(0, 9);
  CHECK(read_metrics(written(folder.path(), line_of(1, 1) + "\n" + line_of(2, 1) + "\n" + torn))
            .size() == 2);
  // A resumed run wrote behind it.
  const auto steps = read_metrics(
      written(folder.path(), line_of(1, 1) + "\n" + torn + "\n" + line_of(2, 4) + "\n"));
  REQUIRE(steps.size() == 2);
  CHECK(steps[1].loss == 4);
}

TEST_CASE("a file without a step, or none at all, is an error") {
  const test::TempFolder folder;
  CHECK_THROWS_WITH(read_metrics(folder.path() / "absent"), Contains("cannot be opened"));
  CHECK_THROWS_AS(read_metrics(written(folder.path(), "")), FormatError);
  CHECK_THROWS_AS(read_metrics(written(folder.path(), "{\"loss\": 1}\nno json\n")), FormatError);
}

TEST_CASE("members of a line") {
  const test::TempFolder folder;
  const auto steps = read_metrics(written(
      folder.path(),
      R"({"step": 7, "loss": 1.5, "grad_norm": null, "gate": 0.25, "loss_by_task": {"scanqa": 2},)"
      R"( "rate": {"fusion": 1e-5, "lora": 2e-5}, "tokens": 100, "seconds": 4, "memory": 1e9})"
      "\n"));
  REQUIRE(steps.size() == 1);
  const StepMetrics& one = steps[0];
  CHECK(one.step == 7);
  CHECK(one.loss == 1.5);
  CHECK(std::isnan(one.grad_norm));  // of a step that was not finite
  CHECK(one.gate == 0.25);
  CHECK(one.task_loss == std::map<std::string, double>{{"scanqa", 2}});
  CHECK(one.rate == std::map<std::string, double>{{"fusion", 1e-5}, {"lora", 2e-5}});
  CHECK(one.tokens / one.seconds == 25);
  CHECK(one.memory == 1e9);
}

TEST_CASE("scores of validations: the main metric of each task") {
  const test::TempFolder folder;
  CHECK(read_validation_scores(folder.path() / kValidationFile).empty());
  std::ofstream(folder.path() / kValidationFile)
      << R"({"step": 10, "tasks": {"scanqa": {"main": "EM", "metrics": {"EM": {"value": 12.5, "lo":)"
      << R"( 10, "hi": null}, "CIDEr": {"value": 3}}}, "nr3d": {"main": "Acc", "metrics": {}}}})"
      << "\n";
  const auto scores = read_validation_scores(folder.path() / kValidationFile);
  REQUIRE(scores.size() == 1);
  CHECK(scores[0].step == 10);
  CHECK(scores[0].task == "scanqa");
  CHECK(scores[0].metric == "EM");
  CHECK(scores[0].value == 12.5);
  CHECK(scores[0].low == 10);
  CHECK(std::isnan(scores[0].high));
}
