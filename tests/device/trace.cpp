#include "trace.h"

#include <cstdio>
#include <cstdlib>
#include <mutex>

#include "graph.h"

namespace vega::host_device {
namespace {

std::mutex mutex;
bool recording = false;
std::string recorded;

std::FILE* trace_file() {
  static std::FILE* const file = [] {
    const char* path = std::getenv("VEGA_DEVICE_TRACE");
    return path != nullptr ? std::fopen(path, "a") : nullptr;
  }();
  return file;
}

}  // namespace

bool tracing() {
  if (replaying()) return false;  // a replay is one line
  const std::lock_guard lock(mutex);
  return recording || trace_file() != nullptr;
}

void add_to_trace(const std::string& line) {
  const std::lock_guard lock(mutex);
  if (recording) recorded += line + "\n";
  if (trace_file() == nullptr) return;
  std::fprintf(trace_file(), "%s\n", line.c_str());
  std::fflush(trace_file());
}

}  // namespace vega::host_device

using namespace vega::host_device;

void vega_host_trace_begin(void) {
  const std::lock_guard lock(mutex);
  recording = true;
  recorded.clear();
}

const char* vega_host_trace_end(void) {
  const std::lock_guard lock(mutex);
  recording = false;
  return recorded.c_str();
}
