#include "core/graph.h"

#include <array>
#include <string>

#include "base/error.h"
#include "core/cuda_graph.h"
#include "core/device.h"
#include "core/on_device.h"

namespace vega {
namespace {

using Words = std::array<char, 512>;

template <typename Function>
Function* found(const char* name) {
  return reinterpret_cast<Function*>(cuda_symbol(name));
}

[[noreturn]] void refuse(const char* what, const Words& why) {
  throw DeviceError(explain(what, why.data()));
}

}  // namespace

DeviceGraph::DeviceGraph(at::Device device, const std::function<void()>& work) {
  static auto* const begin = found<decltype(vega_cuda_graph_begin)>("vega_cuda_graph_begin");
  static auto* const end = found<decltype(vega_cuda_graph_end)>("vega_cuda_graph_end");
  static auto* const free = found<decltype(vega_cuda_graph_free)>("vega_cuda_graph_free");
  constexpr int kCapacity = static_cast<int>(std::tuple_size_v<Words>);
  Words why{};
  if (begin(device.index(), &graph_, why.data(), kCapacity) != 0) refuse("CUDA graph, begin", why);
  try {
    on_device(device, [&] {
      work();
      return 0;
    });
  } catch (...) {  // the error of the work counts, not what the end says about it
    end(graph_, why.data(), kCapacity);
    free(graph_);
    throw;
  }
  if (end(graph_, why.data(), kCapacity) == 0) return;
  free(graph_);
  refuse("CUDA graph, end", why);
}

DeviceGraph::~DeviceGraph() {
  found<decltype(vega_cuda_graph_free)>("vega_cuda_graph_free")(graph_);
}

void DeviceGraph::replay() const {
  static auto* const replay = found<decltype(vega_cuda_graph_replay)>("vega_cuda_graph_replay");
  Words why{};
  if (replay(graph_, why.data(), static_cast<int>(why.size())) != 0)
    refuse("CUDA graph, replay", why);
}

}  // namespace vega
