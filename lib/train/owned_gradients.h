// Gradients that leave for other ranks while the backward pass goes on. Each rank keeps the sums of
// its own tensors alone (--zero 2 and 3), or all of them (0 and 1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "ranks/owned_sums.h"
#include "vlm/train_model.h"

namespace vega::train {

// Whether the decoder's passes alone give a tensor its gradient: adapters, layers and head.
bool is_of_decoder(const std::string& name, vlm::Part part);

// Gradients go to their owners, in buckets, as soon as they are complete, and are freed. All ranks
// end equally many rounds in a step. What a rank adds up before begin_round(), or in a round that
// it did not begin, goes with the round.
class OwnedGradients {
 public:
  // owners: of each tensor (Optimizer::owners), or kEveryRank for all of them.
  OwnedGradients(Ranks& ranks, const std::vector<vlm::Trained>& trained, std::vector<int> owners);
  ~OwnedGradients();
  OwnedGradients(const OwnedGradients&) = delete;
  OwnedGradients& operator=(const OwnedGradients&) = delete;

  void clear();  // before a step
  // Before the gradients of a scene that the decoder reads in so many passes. Where it is one,
  // what is_of_decoder() leaves while its backward pass goes on.
  void begin_round(std::int64_t passes) { leaves_early_ = passes == 1, closed_ = 0; }
  // Of these nothing more comes in this round; where gradients leave early they leave now.
  void close(const std::vector<std::size_t>& places);
  const std::vector<std::size_t>& leaving() const { return watched_; }  // in their order
  // All gradients of the round are complete. A rank without one gives nothing.
  void end_round();
  // Which tensors had one in some round of this rank: "1" or "0" for each, in their order.
  std::string gradients() const;
  // The sums become the gradients of the tensors that they are kept of, where some rank has one.
  // of_ranks: gradients() of each.
  void put(const std::vector<std::string>& of_ranks);

 private:
  class Hook;
  void reached(std::size_t place);  // a backward pass has made this one of watched_
  void made(std::size_t place);     // this tensor's gradient is complete

  std::vector<at::Tensor> leaves_;
  std::vector<std::size_t> watched_;  // places of is_of_decoder(), head and last norm first
  // Of each place of watched_: so many of watched_, the first ones, are complete when its layer is
  // reached. What is not given then has no gradient in this scene, as the head of grounding alone.
  std::vector<std::size_t> complete_;
  std::size_t closed_ = 0;  // of watched_, in this round
  std::vector<int> owners_;
  int rank_ = 0;
  OwnedSums sums_;
  std::vector<bool> given_, had_;  // in this round; in this step
  bool leaves_early_ = false;
};

}  // namespace vega::train
