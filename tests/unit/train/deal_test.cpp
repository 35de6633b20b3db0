// A step's work among ranks, and its sums put together again.
#include "train/deal.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "train/step_result.h"

using namespace vega;
using namespace vega::train;

namespace {

using Places = std::vector<std::vector<std::size_t>>;

}  // namespace

TEST_CASE("deal: each scene goes to one rank, the largest first, to the one with the least work") {
  CHECK(dealt_places({5, 5, 5}, 1) == Places{{0, 1, 2}});
  // 9 and 4 against 7 and 5; equal ones keep their order.
  CHECK(dealt_places({4, 9, 5, 7}, 2) == Places{{0, 1}, {2, 3}});
  CHECK(dealt_places({1, 1, 1, 1}, 2) == Places{{0, 2}, {1, 3}});
  CHECK(dealt_places({3, 8}, 4) == Places{{1}, {0}, {}, {}});
  CHECK(dealt_places({}, 2) == Places{{}, {}});
  // Scenes without tokens are work as well.
  CHECK(dealt_places({0, 0}, 2) == Places{{0}, {1}});
}

TEST_CASE("deal: sums of ranks are those of one, with every bit, also of what is not finite") {
  StepResult first, second;
  first.loss = 0.1 + 0.2;
  first.by_task["scanqa"] = {1.0 / 3, 2.0 / 7};
  first.gate = 0.7;
  first.gates = 1;
  first.targets = 12;
  first.samples = 2;
  first.tokens = 345;
  second.loss = std::numeric_limits<double>::infinity();
  second.by_task["scanqa"] = {std::numeric_limits<double>::quiet_NaN(), 1};
  second.by_task["scanrefer"] = {1.5, 0.25};
  second.targets = 1;
  second.samples = 1;
  second.tokens = 55;
  second.bad = {"q-7"};

  StepResult one;
  one.add(*parse_json(first.sums().dump()));
  CHECK(one.loss == first.loss);
  CHECK(one.by_task == first.by_task);
  CHECK((one.gate == 0.7 && one.gates == 1));
  one.add(*parse_json(second.sums().dump()));
  CHECK_FALSE(std::isfinite(one.loss));
  CHECK(std::isnan(one.by_task["scanqa"].first));
  CHECK(one.by_task["scanrefer"] == std::pair(1.5, 0.25));
  CHECK((one.targets == 13 && one.samples == 3 && one.tokens == 400));
  CHECK(one.bad == std::vector<std::string>{"q-7"});
}
