#include "core/refused.h"

#include "core/device.h"

namespace vega {

std::int64_t refused_allocations(c10::Device device) {
  if (!device.is_cuda()) return 0;
  static const auto count = reinterpret_cast<decltype(&vega_cuda_refused_allocations)>(
      cuda_symbol("vega_cuda_refused_allocations"));
  return count(device.index());
}

}  // namespace vega
