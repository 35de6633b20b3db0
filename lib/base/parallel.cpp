#include "base/parallel.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "base/log.h"
#include "base/stop.h"

namespace vega {

int available_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1U, std::thread::hardware_concurrency());
}

void parallel_for(std::size_t count, int threads, const std::function<void(std::size_t)>& body,
                  const std::function<void()>& start) {
  std::atomic<std::size_t> next{0};
  std::exception_ptr error;
  std::mutex mutex;
  const auto work = [&] {
    try {
      if (start) start();
      for (std::size_t i = next++; i < count; i = next++) {
        check_stop();
        body(i);
      }
    } catch (...) {
      next = count;
      const std::lock_guard lock(mutex);
      if (!error) error = std::current_exception();
    }
  };
  const auto helpers = std::min<std::size_t>(static_cast<std::size_t>(std::max(1, threads)), count);
  if (helpers <= 1) {
    if (count > 0) work();
  } else {
    std::vector<std::thread> pool;
    pool.reserve(helpers);
    try {
      for (std::size_t t = 0; t < helpers; ++t) pool.emplace_back(work);
    } catch (const std::exception& failure) {  // a limit on threads or memory
      log_debug("{} of {} threads started: {}", pool.size(), helpers, failure.what());
    }
    if (pool.empty()) work();
    for (auto& thread : pool) thread.join();
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace vega
