// Clocks of the benchmarks, and medians.
#pragma once

#include <vector>

namespace vega::bench {

// On the clock; of processor time, all threads of this process together. Where other programs run,
// the clock says little and the processor time still compares two programs.
struct Seconds {
  double wall = 0, cpu = 0;
};
Seconds operator-(const Seconds& a, const Seconds& b);

// Since a beginning of the machine's own: differences count.
Seconds now();

double median(std::vector<double> values);
// Of each part on its own.
Seconds median(const std::vector<Seconds>& samples);

}  // namespace vega::bench
