// Work that is done behind the back of who asks for it, on a thread of its own.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

namespace vega::extract {

// Tasks are done one after the other, in order. What a task throws comes out of the next add() or
// finish(), and no task after it is done. The thread begins with the first task; where the system
// gives none, add() does the task.
class Backlog {
 public:
  // most: tasks that are undone at any time.
  explicit Backlog(std::size_t most);
  // Tasks that have not begun are dropped; the one under way is waited for.
  ~Backlog();
  Backlog(const Backlog&) = delete;
  Backlog& operator=(const Backlog&) = delete;

  // Waits while `most` tasks are undone.
  void add(std::function<void()> task);
  // Waits until all tasks are done.
  void finish();
  // Whether nobody wants the rest: a task that waits for something gives up then.
  bool dropped() const { return dropped_; }

 private:
  void begin();
  void work();

  const std::size_t most_;
  bool begun_ = false;
  std::atomic<bool> dropped_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;  // the first one is under way
  std::exception_ptr error_;
  std::thread thread_;
};

}  // namespace vega::extract
