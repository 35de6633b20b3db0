// transformers in a process of its own that works on order, beside vega in the same run.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "bench/seconds.h"
#include "bench/side_process.h"

namespace vega::bench {

struct TransformersPlan {
  std::string python;            // an interpreter with torch and transformers
  std::filesystem::path folder;  // of the checkpoint; the script is written there
  at::ScalarType type = at::kFloat;
  std::int64_t tokens = 0, fresh = 0, threads = 0;  // of the prompt; to decode
};

// The work of one order.
struct Round {
  Seconds seconds;
  std::vector<std::int64_t> ids;  // greedy
};

class Transformers {
 public:
  // Returns when the model is loaded. Throws InputError.
  explicit Transformers(const TransformersPlan& plan);

  // "prefill" reads prompt_ids(), "decode" goes on behind them. Throws InputError.
  Round order(const std::string& what);

 private:
  SideProcess process_;
};

}  // namespace vega::bench
