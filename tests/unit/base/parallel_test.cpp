// The parallel loop: every item once, the first error, and a system that gives no threads.
#include "base/parallel.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <set>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <vector>

#include "support/no_threads.h"

namespace vega {
namespace {

TEST_CASE("every item is done once, by no more threads than asked for") {
  for (const int threads : {0, 1, 3, 50}) {
    std::vector<std::atomic<int>> done(37);
    std::atomic<int> starts{0};
    parallel_for(
        done.size(), threads, [&](std::size_t i) { ++done[i]; }, [&] { ++starts; });
    for (const auto& count : done) REQUIRE(count == 1);
    CHECK(starts >= 1);
    CHECK(starts <= std::max(1, std::min(threads, 37)));
  }
  parallel_for(0, 4, [](std::size_t) { FAIL("no items"); });
}

TEST_CASE("an error stops the handing out and comes back to the caller") {
  std::atomic<int> done{0};
  CHECK_THROWS_WITH(parallel_for(100000, 2,
                                 [&](std::size_t i) {
                                   if (i == 5) throw std::runtime_error("item 5");
                                   ++done;
                                   std::this_thread::yield();
                                 }),
                    "item 5");
  CHECK(done < 100000 - 1);
}

TEST_CASE("where no thread can be started the caller does the work") {
  std::vector<int> order;
  std::set<std::thread::id> workers;
  {
    const test::NoThreads limit;
    REQUIRE(limit.works);
    REQUIRE_THROWS_AS(std::thread([] {}).join(), std::system_error);
    parallel_for(9, 4, [&](std::size_t i) {
      order.push_back(static_cast<int>(i));
      workers.insert(std::this_thread::get_id());
    });
  }
  CHECK(order == std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8});
  CHECK(workers == std::set<std::thread::id>{std::this_thread::get_id()});
}

}  // namespace
}  // namespace vega
