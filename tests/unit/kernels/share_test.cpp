#include <ATen/Parallel.h>
#include <catch2/catch.hpp>

#include <atomic>
#include <thread>
#include <vector>

#include "kernels/share_steps.h"

using namespace vega;

TEST_CASE("share_steps and share_rows: every piece once, whatever the threads and their number") {
  const int before = at::get_num_threads();
  for (const int threads : {1, 2, 3, 8}) {
    at::set_num_threads(threads);
    for (const std::int64_t count : {0, 1, 2, 7, 1000}) {
      CAPTURE(threads, count);
      std::vector<std::atomic<int>> seen(static_cast<std::size_t>(count)), rows(seen.size());
      kernels::share_steps(count, [&](std::int64_t n) { ++seen[static_cast<std::size_t>(n)]; });
      kernels::share_rows(count, 3, [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t n = first; n < last; ++n) ++rows[static_cast<std::size_t>(n)];
      });
      int once = 0;
      for (std::size_t n = 0; n < seen.size(); ++n) once += seen[n] == 1 && rows[n] == 1;
      CHECK(once == count);
    }
  }
  at::set_num_threads(before);
}

TEST_CASE("share_steps: thousands of short calls, from several threads at once") {
  std::atomic<std::int64_t> sum{0};
  std::vector<std::thread> callers;
  for (int n = 0; n < 4; ++n) {
    callers.emplace_back([&] {
      at::set_num_threads(3);
      for (int call = 0; call < 3000; ++call) {
        std::atomic<std::int64_t> own{0};
        kernels::share_steps(5, [&](std::int64_t piece) { own += piece + 1; });
        sum += own == 15;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK(sum == 12000);
}
