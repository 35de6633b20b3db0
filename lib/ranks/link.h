// What a training needs of c10d, behind a narrow door: a store of short texts, and sums over all
// ranks by Gloo, or between GPUs by NCCL. link.cpp alone includes c10d's headers, which take long
// to compile.
#pragma once

#include <ATen/core/Tensor.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "ranks/place.h"

namespace vega {

// What c10d says: a connection that broke, nothing that listens, a store that does not answer.
class LinkError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// One connection to the store: for one thread at a time. Every call but open() throws LinkError.
class RankStore {
 public:
  struct State;
  explicit RankStore(std::shared_ptr<State> state) : state_(std::move(state)) {}

  // Rank 0 keeps the store, where torchrun's agent does not. The others try to reach it for about
  // `wait`; null where nothing listens there yet. Throws LinkError: the port is taken.
  static std::unique_ptr<RankStore> open(const RankPlace& place, std::chrono::milliseconds wait);
  std::unique_ptr<RankStore> clone() const;  // a connection of its own

  void set(const std::string& key, const std::string& value);
  // Sets a key that is not there yet. Returns what the key has then.
  std::string claim(const std::string& key, const std::string& value);
  bool has(const std::vector<std::string>& keys);                         // all of them
  std::vector<std::string> values(const std::vector<std::string>& keys);  // that are there
  std::int64_t add(const std::string& key, std::int64_t value);           // returns the sum

  State& state() { return *state_; }

 private:
  std::shared_ptr<State> state_;
};

// A collective that is under way. Its tensors live as long as it does.
class PendingWork {
 public:
  virtual ~PendingWork() = default;
  virtual bool wait_for(std::chrono::milliseconds time) = 0;  // whether it has ended
  virtual void finish() = 0;                                  // throws LinkError where it failed
};

// Connections between all ranks. All ranks call the same functions in the same order. A collective
// waits for the others as long as it takes: who waits watches over them (ranks/watch.h).
class RankGroup {
 public:
  struct State;

  // Connects with all others, within `wait`. Throws LinkError.
  RankGroup(RankStore& store, const RankPlace& place, std::chrono::milliseconds wait);
  ~RankGroup();
  RankGroup(const RankGroup&) = delete;
  RankGroup& operator=(const RankGroup&) = delete;

  // Whether use_gpus() can be called: a CUDA device is open, and the CUDA half has NCCL.
  static bool has_nccl();
  // From now on tensors on GPUs travel too, by NCCL. Throws LinkError: two ranks have one GPU.
  void use_gpus(RankStore& store, const RankPlace& place);
  bool uses_gpus() const;

  // flat becomes the sum over all ranks: contiguous, of one size everywhere, on the CPU or, behind
  // use_gpus(), on each rank's GPU. All ranks get the same bits.
  std::unique_ptr<PendingWork> sum(const at::Tensor& flat);
  // The same, but `owner` alone gets the sum; of the others flat is used up.
  std::unique_ptr<PendingWork> sum_at(const at::Tensor& flat, int owner);
  // flat becomes that of `owner`.
  std::unique_ptr<PendingWork> spread(const at::Tensor& flat, int owner);
  // all[r] becomes what rank r gives: `count` tensors like own.
  std::unique_ptr<PendingWork> gather(const at::Tensor& own, std::vector<at::Tensor>& all);

  // After a failure: nothing is waited for any more, and nothing is freed.
  void abandon();

 private:
  std::unique_ptr<State> state_;
};

}  // namespace vega
