// Items made ahead of their use by worker threads, handed out in order.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/log.h"

namespace vega::extract {

// At most `window` items (default: as many as workers) wait or are being made at any time. An
// exception of `make` comes out of next() at its place. Where the system gives fewer threads than
// asked for, those make the items, or else next() does.
template <typename T>
class Prefetch {
 public:
  Prefetch(std::size_t count, int workers, std::function<T(std::size_t)> make,
           std::size_t window = 0)
      : count_(count), make_(std::move(make)), slots_(count) {
    const std::size_t most = std::min(count, static_cast<std::size_t>(std::max(workers, 1)));
    window_ = window > 0 ? window : static_cast<std::size_t>(std::max(workers, 1));
    threads_.reserve(most);
    try {
      for (std::size_t i = 0; i < most; ++i) threads_.emplace_back([this] { work(); });
    } catch (const std::exception& failure) {  // a limit on threads or memory
      log_debug("{} of {} threads started: {}", threads_.size(), window_, failure.what());
    }
  }

  ~Prefetch() {
    {
      const std::lock_guard lock(mutex_);
      next_ = count_;
      stopped_ = true;
    }
    changed_.notify_all();
    for (auto& thread : threads_) thread.join();
  }
  Prefetch(const Prefetch&) = delete;
  Prefetch& operator=(const Prefetch&) = delete;

  T next() {
    std::unique_lock lock(mutex_);
    Slot& slot = slots_.at(taken_);
    if (threads_.empty()) return make_(taken_++);
    changed_.wait(lock, [&] { return slot.ready; });
    ++taken_;
    changed_.notify_all();
    if (slot.error) std::rethrow_exception(slot.error);
    T value = std::move(*slot.value);
    slot.value.reset();
    return value;
  }

 private:
  struct Slot {
    std::optional<T> value;
    std::exception_ptr error;
    bool ready = false;
  };

  void work() {
    for (;;) {
      std::size_t mine = 0;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock,
                      [&] { return stopped_ || next_ >= count_ || next_ < taken_ + window_; });
        if (next_ >= count_) return;
        mine = next_++;
      }
      Slot made;
      try {
        made.value.emplace(make_(mine));
      } catch (...) {
        made.error = std::current_exception();
      }
      made.ready = true;
      const std::lock_guard lock(mutex_);
      slots_[mine] = std::move(made);
      changed_.notify_all();
    }
  }

  std::size_t count_, window_ = 1, next_ = 0, taken_ = 0;
  bool stopped_ = false;
  std::function<T(std::size_t)> make_;
  std::vector<Slot> slots_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::thread> threads_;
};

}  // namespace vega::extract
