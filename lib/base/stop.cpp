#include "base/stop.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <system_error>
#include <thread>

namespace vega {
namespace {

constexpr int kSignals[] = {SIGTERM, SIGINT, SIGUSR1};

std::atomic<int> stop_signal{0};

// Only async-signal-safe calls here.
void on_signal(int signal) {
  if (stop_signal.exchange(signal) != 0 && signal == SIGINT) _exit(128 + SIGINT);
}

void handle_signals(const sigset_t& signals) {
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  for (const int one : kSignals) sigaction(one, &action, nullptr);
  // Threads that compute must not run a handler: its frame goes below the stack pointer, which
  // oneDNN's float32 products (jit_avx_gemm_f32, as in LibTorch 2.11) move into their workspace on
  // the heap. The frame would lie over the memory before it. So a thread of its own takes them.
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  try {
    std::thread([signals] {
      for (int signal = 0;;)
        if (sigwait(&signals, &signal) == 0) on_signal(signal);
    }).detach();
  } catch (const std::system_error&) {  // no thread to be had: better a handler than none
    pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  }
}

}  // namespace

void catch_stop_signals() {
  static std::once_flag once;
  std::call_once(once, [] {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int one : kSignals) sigaddset(&signals, one);
    handle_signals(signals);
    signal(SIGXFSZ, SIG_IGN);
  });
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
