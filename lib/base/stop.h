// SIGTERM, SIGINT and SIGUSR1 end a run in an orderly way: the run drops the item it works on,
// leaves nothing half-written, and the exit code is 75. A second SIGINT ends the program at once
// with exit code 130, as a shell names it. A part file may stay then; the next run removes it.
#pragma once

#include "base/error.h"

namespace vega {

// Thrown by check_stop. Exit code 75: run again to go on.
class Stopped : public Error {
 public:
  using Error::Error;
  int exit_code() const noexcept override { return 75; }
};

// From now on the first such signal sets a flag; a second SIGINT ends the process at once. Called
// before there are other threads: these signals are blocked in the calling thread and in those that
// it starts, and a thread of their own takes them. A write beyond the limit on the size of files is
// an error with a message, no longer a signal that kills.
void catch_stop_signals();

bool stop_requested();

// Throws Stopped once a signal has come. Called between steps of work (a frame, a scene); safe from
// any thread.
void check_stop();

}  // namespace vega
