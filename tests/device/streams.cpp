#include "streams.h"

#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "trace.h"

namespace vega::host_device {
namespace {

constexpr c10::StreamId kPooled = 32;  // as many as LibTorch's own pool has

struct Queue {
  std::uint64_t done = 0;  // items
  std::deque<std::function<void()>> left;
};

std::recursive_mutex mutex;  // queued work may wait for another stream
std::map<c10::StreamId, Queue> queues;
thread_local c10::StreamId current = 0;

}  // namespace

c10::StreamId current_stream() { return current; }

c10::StreamId exchange_stream(c10::StreamId stream) { return std::exchange(current, stream); }

c10::StreamId next_pooled_stream() {
  const std::lock_guard lock(mutex);
  static c10::StreamId last = 0;
  return last = last % kPooled + 1;
}

void queue(c10::StreamId stream, std::function<void()> work) {
  const std::lock_guard lock(mutex);
  queues[stream].left.push_back(std::move(work));
}

Mark mark_now(c10::StreamId stream) {
  const std::lock_guard lock(mutex);
  const Queue& queue = queues[stream];
  return {stream, queue.done + queue.left.size()};
}

void reach(const Mark& mark) {
  const std::lock_guard lock(mutex);
  Queue& queue = queues[mark.stream];
  while (queue.done < mark.place) {
    const std::function<void()> work = std::move(queue.left.front());
    queue.left.pop_front();
    ++queue.done;
    work();
  }
}

void wait_for(const Mark& mark, c10::StreamId stream) {
  if (tracing() && mark.stream != stream)
    add_to_trace("stream " + std::to_string(stream) + " waits for stream " +
                 std::to_string(mark.stream));
  if (stream == 0)
    reach(mark);
  else
    queue(stream, [mark] { reach(mark); });
}

void finish_stream(c10::StreamId stream) { reach(mark_now(stream)); }

void finish_streams() {
  const std::lock_guard lock(mutex);
  for (const auto& entry : queues) finish_stream(entry.first);
}

}  // namespace vega::host_device
