// Options of bench_wan.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace vega::bench {

struct Options {
  std::string device = "cpu";
  std::string dtype;  // "fp32", "bf16"; fp32 on the CPU, bf16 on CUDA
  std::vector<std::pair<std::int64_t, std::int64_t>> sizes;  // width, height
  std::int64_t blocks = 3;                                   // measured blocks, 2 to 30
  std::int64_t frames = 0;  // a measurement; the threads on the CPU, 32 on CUDA
  std::int64_t batch = 8;   // frames of one call on CUDA (this project's side)
  int threads = 0;          // all of the machine's
  int repeat = 3;
  double least = 0;  // exit 1 when a ratio is below
  std::string json;
  bool help = false;
};

// Throws UsageError naming the option, what it got and what it takes.
Options parse(int argc, char** argv);

const char* usage();

}  // namespace vega::bench
