// metrics.jsonl: one line a step, also after a run that was killed goes on.
#include "train/metrics_log.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>

#include "support/support.h"
#include "train/metrics_file.h"

using namespace vega;
using namespace vega::train;

TEST_CASE("lines of steps after the last checkpoint are cut off, and a torn line") {
  const test::TempFolder temp;
  const auto path = temp / kMetricsFile;
  const auto write = [&](std::int64_t from, std::int64_t to, double loss, std::int64_t done) {
    MetricsLog log(path, done);
    for (std::int64_t k = from; k <= to; ++k) log.add({{"step", k}, {"loss", loss}});
    log.sync();
  };
  write(1, 150, 2, 0);
  const std::string first = test::read_text(path);
  test::write_text(path, first + "{\"step\": 151, \"lo");  // killed
  write(101, 200, 1, 100);
  const auto steps = read_metrics(path);
  REQUIRE(steps.size() == 200);
  CHECK(steps[99].loss == 2);
  CHECK(steps[100].loss == 1);
  const std::string text = test::read_text(path);
  CHECK(std::count(text.begin(), text.end(), '\n') == 200);
  CHECK(text.substr(0, 40) == first.substr(0, 40));
  // A torn line of the last step that a checkpoint knows is written anew by nobody: it goes.
  test::write_text(path, text + "{\"st");
  write(201, 201, 3, 200);
  CHECK(read_metrics(path).size() == 201);
  write(1, 1, 4, 0);
  CHECK(read_metrics(path).size() == 1);
}
