// Vega's side of bench_train: a decoder with adapters that takes steps when it is told to.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vega::bench {

// The task of one side, which it gets as its command line.
struct Work {
  std::string folder, type = "float32", device = "cpu";
  std::int64_t tokens = 512, targets = 0, rank = 64, threads = 0;

  bool cuda() const { return device != "cpu"; }
  std::vector<std::string> arguments() const {
    return {folder,
            type,
            device,
            std::to_string(tokens),
            std::to_string(targets),
            std::to_string(rank),
            std::to_string(threads)};
  }
};

// A process of its own, with the arguments of Work: answers lines on stdin as the other side does
// (bench/train_script.h).
int run_train_side(char** argv);

}  // namespace vega::bench
