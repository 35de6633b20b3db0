// Streams of the emulated device. The default one does everything at once. What is queued on
// another is done as late as a device may do it: when something waits for it. So a wait that is
// missing shows, as memory that still has what it had before.
#pragma once

#include <c10/core/Stream.h>

#include <cstdint>
#include <functional>

namespace vega::host_device {

// Of this thread; 0 is the default stream.
c10::StreamId current_stream();
c10::StreamId exchange_stream(c10::StreamId stream);
c10::StreamId next_pooled_stream();

// Queues work on a stream that is not the default one.
void queue(c10::StreamId stream, std::function<void()> work);

// A place in a stream: all that was queued on it before.
struct Mark {
  c10::StreamId stream = 0;
  std::uint64_t place = 0;
};
Mark mark_now(c10::StreamId stream);
// Does what is queued before the mark.
void reach(const Mark& mark);
// The stream goes on only beyond the mark.
void wait_for(const Mark& mark, c10::StreamId stream);
// Does all that is queued, on one stream or on every one.
void finish_stream(c10::StreamId stream);
void finish_streams();

}  // namespace vega::host_device
