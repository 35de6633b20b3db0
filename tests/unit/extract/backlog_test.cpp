// Work behind the back: order, the bound, errors, an early end, no threads.
#include "extract/backlog.h"

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <future>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include "support/no_threads.h"

namespace vega::extract {
namespace {

TEST_CASE("tasks are done in order, and finish() waits for them") {
  std::vector<int> done;  // by one thread
  Backlog backlog(3);
  for (int i = 0; i < 20; ++i) backlog.add([&done, i] { done.push_back(i); });
  backlog.finish();
  REQUIRE(done.size() == 20);
  for (int i = 0; i < 20; ++i) CHECK(done[static_cast<std::size_t>(i)] == i);
  backlog.add([&done] { done.push_back(20); });
  backlog.finish();
  CHECK(done.back() == 20);
}

TEST_CASE("no more tasks are undone than the bound") {
  std::atomic<int> undone{0}, most{0};
  Backlog backlog(2);
  for (int i = 0; i < 30; ++i) {
    backlog.add([&] { --undone; });
    most = std::max<int>(most, ++undone);
  }
  backlog.finish();
  CHECK(most <= 2);
  CHECK(undone == 0);
}

TEST_CASE("an error comes out, and nothing after it is done") {
  for (const bool in_add : {false, true}) {
    int done = 0;
    Backlog backlog(1);
    backlog.add([] { throw std::runtime_error("full"); });
    if (in_add) CHECK_THROWS_WITH(backlog.add([&] { ++done; }), "full");
    CHECK_THROWS_WITH(backlog.finish(), "full");
    CHECK_THROWS_WITH(backlog.add([&] { ++done; }), "full");
    CHECK(done == 0);
  }
}

TEST_CASE("who goes drops what has not begun, and tells what has") {
  std::promise<void> begun;
  bool told = false, second = false;
  {
    Backlog backlog(2);
    backlog.add([&] {
      begun.set_value();
      while (!backlog.dropped()) std::this_thread::yield();
      told = true;
    });
    backlog.add([&] { second = true; });
    begun.get_future().wait();
  }
  CHECK(told);
  CHECK_FALSE(second);
}

TEST_CASE("what a task holds is given back when finish() returns") {
  const auto held = std::make_shared<int>(1);
  Backlog backlog(2);
  backlog.add([held] {});
  backlog.finish();
  CHECK(held.use_count() == 1);
}

TEST_CASE("where no thread can be started add() does the task") {
  const test::NoThreads limit;
  REQUIRE(limit.works);
  int done = 0;
  Backlog backlog(1);
  backlog.add([&] { ++done; });
  CHECK(done == 1);
  CHECK_THROWS_WITH(backlog.add([] { throw std::runtime_error("full"); }), "full");
  backlog.finish();
}

}  // namespace
}  // namespace vega::extract
