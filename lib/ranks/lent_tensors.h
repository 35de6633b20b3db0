// Tensors that one rank each keeps, brought to all ranks for a while.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <deque>
#include <memory>
#include <vector>

namespace vega {

class Ranks;
class PendingWork;

// One of them. kept: the owner's own tensor, as it is when it is sent; of the others its shape and
// device count alone.
struct LentTensor {
  at::Tensor kept;
  int owner = 0;
  at::ScalarType type = at::kFloat;  // that it is cast to, and travels in
};

// For one thread at a time. All ranks make it alike, and begin and take the same groups in the same
// order. Throws RankError.
class LentTensors {
 public:
  LentTensors(Ranks& ranks, std::vector<std::vector<LentTensor>> groups);
  ~LentTensors();

  // Begins to bring a group, which goes on while the caller computes. Where memory is short nothing
  // has begun.
  void begin(std::size_t group);
  std::size_t begun() const { return line_.size(); }  // groups that are not taken yet
  // The tensors of the group that was begun first, in their order, when they are there: contiguous,
  // each at a multiple of 64 bytes, as at::empty has them. They share memory with nothing that is
  // kept.
  std::vector<at::Tensor> take();

 private:
  struct Sent {  // by one rank, in one type
    int owner = 0;
    at::ScalarType type = at::kFloat;
    std::vector<std::size_t> places;   // in the group
    std::vector<std::int64_t> begins;  // of each, in the buffer
    std::int64_t numel = 0;
  };
  struct UnderWay {
    std::size_t group = 0;
    std::vector<at::Tensor> flat;
    std::vector<std::unique_ptr<PendingWork>> work;
  };

  Ranks& ranks_;
  std::vector<std::vector<LentTensor>> groups_;
  std::vector<std::vector<Sent>> sent_;  // of each group
  std::deque<UnderWay> line_;
};

}  // namespace vega
