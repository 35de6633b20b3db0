// Items made ahead: order, the bound on what waits, errors at their place, an early end.
#include "extract/prefetch.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>

#include "support/no_threads.h"

namespace vega::extract {
namespace {

TEST_CASE("items come in order, whichever is ready first") {
  for (const int workers : {0, 1, 2, 7}) {
    Prefetch<std::size_t> items(23, workers, [](std::size_t i) {
      std::this_thread::sleep_for(std::chrono::microseconds(i % 3 == 0 ? 900 : 10));
      return i * i;
    });
    for (std::size_t i = 0; i < 23; ++i) REQUIRE(items.next() == i * i);
  }
}

TEST_CASE("no more items than workers wait or are being made") {
  constexpr int kWorkers = 3;
  std::atomic<int> made{0};
  Prefetch<int> items(50, kWorkers, [&](std::size_t i) {
    ++made;
    return static_cast<int>(i);
  });
  for (int taken = 0; taken < 50; ++taken) {
    std::this_thread::sleep_for(std::chrono::microseconds(300));
    REQUIRE(made <= taken + kWorkers);
    REQUIRE(items.next() == taken);
  }
  REQUIRE(made == 50);
}

TEST_CASE("a window of its own lets few workers make many items ahead") {
  std::atomic<int> made{0};
  Prefetch<int> items(
      50, 2, [&](std::size_t i) { return ++made, static_cast<int>(i); }, 20);
  while (made < 20) std::this_thread::yield();
  for (int taken = 0; taken < 50; ++taken) {
    REQUIRE(made <= taken + 20);
    REQUIRE(items.next() == taken);
  }
}

TEST_CASE("an error comes out at its place, and the others stay good") {
  Prefetch<std::string> items(6, 4, [](std::size_t i) {
    if (i == 2 || i == 4) throw std::runtime_error("item " + std::to_string(i));
    return std::to_string(i);
  });
  CHECK(items.next() == "0");
  CHECK(items.next() == "1");
  CHECK_THROWS_WITH(items.next(), "item 2");
  CHECK(items.next() == "3");
  CHECK_THROWS_WITH(items.next(), "item 4");
  CHECK(items.next() == "5");
}

TEST_CASE("leaving early waits for what is being made and makes nothing else") {
  std::atomic<int> made{0}, ended{0};
  {
    Prefetch<int> items(1000, 2, [&](std::size_t) {
      ++made;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      ++ended;
      return 0;
    });
    items.next();
  }
  CHECK(made == ended);
  CHECK(made <= 3);
  Prefetch<int> none(0, 4, [](std::size_t) { return 0; });
}

TEST_CASE("where no thread can be started next() makes the items") {
  const test::NoThreads limit;
  REQUIRE(limit.works);
  REQUIRE_THROWS_AS(std::thread([] {}).join(), std::system_error);
  Prefetch<int> items(3, 4, [](std::size_t i) {
    if (i == 1) throw std::runtime_error("item 1");
    return static_cast<int>(i);
  });
  CHECK(items.next() == 0);
  CHECK_THROWS_WITH(items.next(), "item 1");
  CHECK(items.next() == 2);
}

}  // namespace
}  // namespace vega::extract
