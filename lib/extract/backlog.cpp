#include "extract/backlog.h"

#include <system_error>
#include <utility>

#include "base/log.h"

namespace vega::extract {

Backlog::Backlog(std::size_t most) : most_(most) {}

void Backlog::begin() {
  if (begun_) return;
  begun_ = true;
  try {
    thread_ = std::thread([this] { work(); });
  } catch (const std::system_error& failure) {
    log_debug("no thread for a backlog: {}", failure.what());
  }
}

Backlog::~Backlog() {
  {
    const std::lock_guard lock(mutex_);
    dropped_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Backlog::add(std::function<void()> task) {
  begin();
  if (!thread_.joinable()) return task();
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return error_ || tasks_.size() < most_; });
  if (error_) std::rethrow_exception(error_);
  tasks_.push_back(std::move(task));
  changed_.notify_all();
}

void Backlog::finish() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return error_ || tasks_.empty(); });
  if (error_) std::rethrow_exception(error_);
}

void Backlog::work() {
  for (;;) {
    std::function<void()> task;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return dropped_ || !tasks_.empty(); });
      if (dropped_) return;
      task = std::move(tasks_.front());  // its place stays taken
    }
    std::exception_ptr error;
    try {
      task();
    } catch (...) {
      error = std::current_exception();
    }
    task = nullptr;  // gives back what it holds before anybody is told
    const std::lock_guard lock(mutex_);
    tasks_.pop_front();
    error_ = error;
    changed_.notify_all();
    if (error) return;
  }
}

}  // namespace vega::extract
