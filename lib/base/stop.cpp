#include "base/stop.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>

namespace vega {
namespace {

std::atomic<int> stop_signal{0};

// Only async-signal-safe calls here.
void on_signal(int signal) {
  if (stop_signal.exchange(signal) != 0 && signal == SIGINT) _exit(128 + SIGINT);
}

}  // namespace

void catch_stop_signals() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) sigaction(signal, &action, nullptr);
  signal(SIGXFSZ, SIG_IGN);
}

bool stop_requested() { return stop_signal.load() != 0; }

void check_stop() {
  const int signal = stop_signal.load();
  if (signal == 0) return;
  const char* name = signal == SIGTERM ? "SIGTERM" : signal == SIGINT ? "SIGINT" : "SIGUSR1";
  throw Stopped(std::string("stopped by ") + name +
                "; what is finished is kept, run again to go on");
}

}  // namespace vega
