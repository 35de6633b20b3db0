// Steps of a decoder on a CUDA device: one token of each of several sequences, recorded in a CUDA
// graph once and then queued as a whole, whatever the lengths of the sequences.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>

#include "core/graph.h"
#include "kernels/cache_step.h"
#include "nn/kv_cache.h"
#include "nn/rope.h"

namespace vega::qwen2 {

// The inputs of a step, on the device: tensors that stay where they are from step to step.
struct StepInputs {
  at::Tensor embeddings;       // (rows, H)
  RopeTable rope;              // (rows, hd/2)
  kernels::DeviceTable table;  // keys and values; a row without a sequence sees no token
};

// The recordings of one decoder, one for each number of rows (a power of two: fewer sequences leave
// rows unused). A recording is made anew when a sequence has more chunks or tokens than its table
// has room for. Safe from several threads, which take turns.
class StepGraphs {
 public:
  // record: false runs every step plainly.
  StepGraphs(at::Device device, bool record) : device_(device), plain_(!record) {}

  // Computes a step out of its inputs: (rows, H). Launches may not depend on anything else.
  using Work = std::function<at::Tensor(const StepInputs& inputs)>;

  // embeddings (B, H); rope (B, hd/2) on the CPU; B different caches, which take in the token.
  // Returns (B, H). The first step of a kind runs `work` plainly, the second records it; where the
  // device refuses to record, all steps run plainly. The log says which way is taken.
  at::Tensor step(const at::Tensor& embeddings, const RopeTable& rope,
                  std::span<KvCache* const> caches, const Work& work);

 private:
  struct Kind {
    StepInputs inputs;
    at::Tensor out;
    std::unique_ptr<DeviceGraph> graph;
    bool ran = false;
  };

  Kind& kind_for(const at::Tensor& embeddings, const RopeTable& rope,
                 std::span<const kernels::KeyRuns> runs, std::int64_t tokens);
  void run(Kind& kind, const Work& work);

  at::Device device_;
  std::mutex mutex_;
  std::map<std::int64_t, Kind> kinds_;  // by rows
  bool plain_;                          // not asked for, or refused
  bool recorded_ = false;
};

}  // namespace vega::qwen2
