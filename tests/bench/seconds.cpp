#include "bench/seconds.h"

#include <algorithm>
#include <chrono>
#include <ctime>

namespace vega::bench {

Seconds operator-(const Seconds& a, const Seconds& b) { return {a.wall - b.wall, a.cpu - b.cpu}; }

Seconds now() {
  std::timespec cpu{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
  return {
      std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(),
      static_cast<double>(cpu.tv_sec) + 1e-9 * static_cast<double>(cpu.tv_nsec)};
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t half = values.size() / 2;
  return values.size() % 2 ? values[half] : (values[half - 1] + values[half]) / 2;
}

Seconds median(const std::vector<Seconds>& samples) {
  std::vector<double> wall, cpu;
  for (const Seconds& s : samples) {
    wall.push_back(s.wall);
    cpu.push_back(s.cpu);
  }
  return {median(wall), median(cpu)};
}

}  // namespace vega::bench
