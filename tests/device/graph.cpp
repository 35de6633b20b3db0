#include "graph.h"

#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

#include "core/cuda_graph.h"
#include "trace.h"

namespace vega::host_device {
namespace {

struct Graph {
  std::vector<std::function<void()>> steps;
  std::vector<std::shared_ptr<void>> memory;
  bool spoilt = false;
};

thread_local Graph* recording = nullptr;
thread_local bool running = false;

}  // namespace

bool capturing() { return recording != nullptr; }
bool replaying() { return running; }
void record(std::function<void()> again) { recording->steps.push_back(std::move(again)); }
void keep_for_graph(std::shared_ptr<void> memory) {
  recording->memory.push_back(std::move(memory));
}
void spoil_capture() { recording->spoilt = true; }

}  // namespace vega::host_device

using namespace vega::host_device;

// VEGA_DEVICE_REFUSE_CAPTURE=N: the N-th recording and all later ones are refused.
int vega_cuda_graph_begin(int, void** graph, char* why, int capacity) {
  static int made = 0;
  const char* refuse = std::getenv("VEGA_DEVICE_REFUSE_CAPTURE");
  if (refuse != nullptr && ++made >= std::atoi(refuse)) {
    std::snprintf(why, static_cast<std::size_t>(capacity), "the host emulation was told to refuse");
    return 1;
  }
  *graph = recording = new Graph;
  add_to_trace("graph begins");
  return 0;
}

int vega_cuda_graph_end(void* graph, char* why, int capacity) {
  recording = nullptr;
  add_to_trace("graph ends");
  if (!static_cast<Graph*>(graph)->spoilt) return 0;
  std::snprintf(why, static_cast<std::size_t>(capacity), "the capture was invalidated");
  return 1;
}

int vega_cuda_graph_replay(void* graph, char*, int) {
  add_to_trace("graph replay");
  running = true;
  for (const auto& step : static_cast<Graph*>(graph)->steps) step();
  running = false;
  return 0;
}

void vega_cuda_graph_free(void* graph) { delete static_cast<Graph*>(graph); }
