// What a run will take, before anything is computed.
#pragma once

#include <limits>

namespace vega {

inline constexpr double kUnknownAmount = std::numeric_limits<double>::quiet_NaN();

// Of one item or of a run. NaN: unknown. 0: nothing.
struct Forecast {
  double output_bytes = 0;                  // that are written
  double host_bytes = 0, device_bytes = 0;  // at the peak
  double seconds = 0;                       // without reading the model
  double flops = 0;

  // Another item of the same run: sums, and the larger of the peaks.
  void add(const Forecast& item);
};

}  // namespace vega
