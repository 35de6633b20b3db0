// Whether all ranks of a training are alive and at work, seen by a thread of each of them.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "ranks/link.h"

namespace vega {

// Each rank's thread writes into the store, about once a second, how often it has done so and how
// far the rank's own work is. Rank 0 reads all of these, the others those of rank 0. A rank whose
// work has not moved for `limit` is named in the store for everybody.
class RankWatch {
 public:
  // names: "rank 1 (host, process 1234)", by rank; all of these have made their entries by
  // announce().
  RankWatch(std::unique_ptr<RankStore> store, int rank, std::vector<std::string> names,
            std::chrono::milliseconds limit);
  ~RankWatch();
  RankWatch(const RankWatch&) = delete;
  RankWatch& operator=(const RankWatch&) = delete;

  static void announce(RankStore& store, int rank);

  // This rank's work moves. Between two calls `limit` may pass, no more, except while it is free().
  void alive();
  void free(bool on);

  // Which rank fails, for the message; empty: none does.
  std::string verdict();
  // Another rank got a signal to stop.
  bool stop_asked() const;

  // This rank found a failure: says so to all. The first one counts.
  void accuse(const std::string& text);
  // A collective failed because of `what`: which rank's thread has stopped to write, a few seconds
  // long; that of another rank's accusation; else `what`.
  std::string find_culprit(const std::string& what);

  // The thread ends. False: it hangs in a store that does not answer, and is left alone.
  bool end();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace vega
