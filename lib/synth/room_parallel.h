// Work shared by a few threads; item results must not depend on each other. Private to lib/synth.
#pragma once

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace vega::room {

inline int thread_count(int asked) {
  if (asked > 0) return asked;
  const unsigned n = std::thread::hardware_concurrency();
  return n > 0 ? static_cast<int>(n) : 1;
}

// Calls body(i) for every i in [0, items) from up to `threads` threads (the caller is one of them).
// After a throw no new item starts; the first exception is thrown on when all have stopped.
template <class Body>
void parallel_for(int items, int threads, const Body& body) {
  std::atomic<int> next{0};
  std::exception_ptr failure;
  std::mutex guard;
  const auto worker = [&] {
    try {
      for (int i; (i = next.fetch_add(1)) < items;) body(i);
    } catch (...) {
      const std::lock_guard lock(guard);
      if (!failure) failure = std::current_exception();
      next = items;
    }
  };
  std::vector<std::jthread> others;
  for (int i = 1; i < std::min(threads, items); ++i) others.emplace_back(worker);
  worker();
  others.clear();  // joins
  if (failure) std::rethrow_exception(failure);
}

}  // namespace vega::room
