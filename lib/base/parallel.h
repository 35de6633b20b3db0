// A plain parallel loop.
#pragma once

#include <cstddef>
#include <functional>

namespace vega {

// Cores this process may use, at least 1 (the affinity mask counts, so SLURM's --cpus-per-task
// does).
int available_cores();

// Calls body(i) for i in [0, count) from `threads` threads (at most count; 1: on the caller). Work
// is handed out one by one in ascending order. The first exception stops the handing out and is
// rethrown when all threads are back; a stop signal (base/stop.h) between two items is such an
// exception. `start` is called once on each thread before its first item. Where the system gives
// fewer threads than asked for, those do the work, or else the caller.
void parallel_for(std::size_t count, int threads, const std::function<void(std::size_t)>& body,
                  const std::function<void()>& start = {});

}  // namespace vega
