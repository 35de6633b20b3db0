// The ranks of one training: processes that share its work, on one node or many.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "ranks/error.h"
#include "ranks/place.h"

namespace vega {

class PendingWork;  // ranks/link.h

// For one thread at a time. All ranks call the same functions in the same order. Each of these
// throws RankError where a rank has ended, hangs, or could not be reached for `limit_s`: it
// is named, and no rank waits any more.
class Ranks {
 public:
  // Meets the others, within limit_s seconds. One rank opens nothing. job: what must be the same on
  // all ranks, such as the folder of the run. Throws RankError: ranks that did not come (their
  // numbers), a rank of another job, a number that two processes have, a port that is taken;
  // Stopped.
  static std::unique_ptr<Ranks> join(const RankPlace& place, const std::string& job,
                                     double limit_s);
  ~Ranks();
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  // All ranks call it, behind opening their devices, which are all CPUs or all GPUs. kAuto: NCCL
  // where all have it and no two ranks one GPU. Returns what is used, for people; empty: one rank,
  // or no GPU. Throws RankError: kNccl where it is not there; NCCL cannot connect them.
  std::string use(at::Device device, Collectives wanted);
  // Whether tensors of a device travel as they are; others as copies on the CPU.
  bool takes(at::Device device) const;

  int rank() const { return place_.rank; }
  int count() const { return place_.count; }
  bool first() const { return place_.rank == 0; }  // writes files, and speaks

  // Runs work() on each rank, however long it takes, and returns what each of them gives, by rank.
  // Where it throws on some rank, all throw an error of the same kind, with the text of the lowest
  // such rank (one that was only stopped comes last); from then on rank 0 alone speaks.
  std::vector<Json> share(const std::function<Json()>& work);
  void together(const std::function<void()>& work);
  // The same for work that calls alive() at least every limit_s seconds: a rank that does not is
  // taken to hang.
  std::vector<Json> share_steadily(const std::function<Json()>& work);
  void alive();
  // A rank was lost: share() and together() then work for this rank alone.
  bool broken() const;
  // A rank got a signal to stop: who works for long may end now by throwing Stopped.
  bool stop_asked() const;

  // Sums over all ranks, in place: every rank has the same tensors, and gets the same bits.
  // Floating types, any device.
  void sum(const std::vector<at::Tensor>& tensors);
  // Each tensor becomes, on all ranks, that of its owner. owners: a rank for each tensor.
  void spread(const std::vector<at::Tensor>& tensors, const std::vector<int>& owners);

  // The parts of these, which go on while the caller computes, until end(). flat: contiguous, on a
  // device that takes() holds for, of one size everywhere; it lives as long as the work does. Of
  // two ranks and more.
  std::unique_ptr<PendingWork> begin_sum(const at::Tensor& flat);
  std::unique_ptr<PendingWork> begin_sum_at(const at::Tensor& flat, int owner);  // it alone gets it
  std::unique_ptr<PendingWork> begin_spread(const at::Tensor& flat, int owner);
  void end(PendingWork& work);

  // This rank cannot do its part of what all do together: the others end with its name. Throws
  // RankError.
  [[noreturn]] void give_up(const std::string& why);
  // An error that all ranks meet with the same words: rank 0 alone says it.
  void leave_speaking_to_first() const;

 private:
  struct Link;

  Ranks(const RankPlace& place, std::unique_ptr<Link> link);
  std::vector<Json> gather(const Json& own);
  std::vector<Json> agreed(const std::function<Json()>& work, bool free);

  RankPlace place_;
  std::unique_ptr<Link> link_;  // null: one rank, or ranks that cannot go on together
};

}  // namespace vega
