#include "run/forecast.h"

#include <algorithm>

namespace vega {

void Forecast::add(const Forecast& item) {
  output_bytes += item.output_bytes;
  host_bytes = std::max(host_bytes, item.host_bytes);
  device_bytes = std::max(device_bytes, item.device_bytes);
  seconds += item.seconds;
  flops += item.flops;
}

}  // namespace vega
