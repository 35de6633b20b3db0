#include "kernels/share_steps.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace vega::kernels {
namespace {

// How long a helper looks for the next work before it sleeps: longer than what lies between two
// kernels of a step.
constexpr std::chrono::microseconds kPatience{50};

inline void rest() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

struct StepWork {
  std::int64_t count;
  const std::function<void(std::int64_t)>* body;  // alive while a piece is not done
  int most_helpers;
  std::atomic<std::int64_t> next{0}, done{0};
  std::atomic<int> helpers{0};

  void run() {
    for (std::int64_t n; (n = next.fetch_add(1)) < count;) {
      (*body)(n);
      done.fetch_add(1, std::memory_order_release);
    }
  }
};

// Threads of the whole process; they live until it ends.
class Helpers {
 public:
  static Helpers& get() {
    static Helpers all;
    return all;
  }

  // Shows the work to the helpers. Busy or without threads: the caller does it alone.
  void show(const std::shared_ptr<StepWork>& work) {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock) return;
    grow(work->most_helpers);
    work_ = work;
    number_.fetch_add(1);
    if (asleep_.load() > 0) number_.notify_all();
  }

  ~Helpers() {
    stopped_ = true;
    number_.fetch_add(1);
    number_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  void grow(int most) {
    try {
      while (static_cast<int>(threads_.size()) < most)
        threads_.emplace_back([this, seen = number_.load()] { serve(seen); });
    } catch (const std::system_error&) {  // the system gives no more
    }
  }

  void serve(std::uint32_t seen) {
    while (!stopped_) {
      wait_for_other(seen);
      seen = number_.load(std::memory_order_acquire);
      std::shared_ptr<StepWork> work;
      {
        const std::lock_guard lock(mutex_);
        work = work_;
      }
      if (work && work->helpers.fetch_add(1) < work->most_helpers) work->run();
    }
  }

  void wait_for_other(std::uint32_t seen) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    do {
      for (int n = 0; n < 32; ++n) {
        if (number_.load(std::memory_order_acquire) != seen) return;
        rest();
      }
    } while (std::chrono::steady_clock::now() < end);
    asleep_.fetch_add(1);
    number_.wait(seen);
    asleep_.fetch_sub(1);
  }

  std::mutex mutex_;
  std::shared_ptr<StepWork> work_;
  std::atomic<std::uint32_t> number_{0};  // of the work that is shown
  std::atomic<int> asleep_{0};
  std::atomic<bool> stopped_{false};
  std::vector<std::thread> threads_;
};

}  // namespace

void share_steps(std::int64_t count, const std::function<void(std::int64_t)>& body) {
  const int threads = count < 2 ? 1 : at::get_num_threads();
  if (threads < 2) {
    for (std::int64_t n = 0; n < count; ++n) body(n);
    return;
  }
  const auto work = std::make_shared<StepWork>();
  work->count = count;
  work->body = &body;
  work->most_helpers = threads - 1;
  Helpers::get().show(work);
  work->run();
  for (int turns = 0; work->done.load(std::memory_order_acquire) < count; ++turns) {
    if (turns < 1000)
      rest();
    else
      std::this_thread::yield();  // a helper was stopped within its piece
  }
}

void share_rows(std::int64_t count, std::int64_t piece,
                const std::function<void(std::int64_t, std::int64_t)>& body) {
  share_steps((count + piece - 1) / piece,
              [&](std::int64_t n) { body(n * piece, std::min(count, (n + 1) * piece)); });
}

}  // namespace vega::kernels
