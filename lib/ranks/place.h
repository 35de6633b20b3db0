// Which of the processes of a training this one is, as the program that started it says.
#pragma once

#include <functional>
#include <string>

#include "base/choice.h"

namespace vega {

enum class Launcher { kAuto, kNone, kTorchrun, kSlurm };
inline constexpr Choice<Launcher> kLaunchers[] = {
    {Launcher::kAuto, "auto", "torchrun where RANK is set, slurm within srun, else none"},
    {Launcher::kNone, "none", "one rank, whatever the environment says"},
    {Launcher::kTorchrun, "torchrun",
     "RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR, MASTER_PORT of the environment"},
    {Launcher::kSlurm, "slurm", "SLURM_PROCID, SLURM_NTASKS, SLURM_LOCALID of srun"}};

// What tensors on GPUs travel by. Those on the CPU travel by Gloo.
enum class Collectives { kAuto, kNccl, kGloo };
inline constexpr Choice<Collectives> kCollectives[] = {
    {Collectives::kAuto, "auto", "nccl where the build has it and each rank a GPU of its own"},
    {Collectives::kNccl, "nccl", "from GPU to GPU"},
    {Collectives::kGloo, "gloo", "by way of the CPU"}};

struct RankPlace {
  Launcher launcher = Launcher::kNone;  // the one that was believed; never kAuto
  int rank = 0, count = 1;              // among all
  int local_rank = 0, local_count = 1;  // among those of this node
  bool one_node = true;                 // all ranks are on this node
  std::string host;                     // where rank 0 (or the agent) keeps the store
  int port = 0;
  bool agent_store = false;  // torchrun's agent keeps the store already
  std::string job;           // tells jobs apart: "slurm 1234.0"
  int node_cores = 0;        // that all ranks of this node have together; 0: not said

  std::string text() const;  // for people: "rank 1 of 4 by torchrun, which meet at host:29500"
};

// Value of a variable of the environment; null where it is not set.
using Environment = std::function<const char*(const char* name)>;

// asked: --launcher. With SLURM the ranks meet on the first node of the step, at a port that the
// numbers of job and step give, so that two jobs on one node do not meet; MASTER_ADDR and
// MASTER_PORT are taken in place of these where they are set.
// Throws UsageError: a variable that is missing or no number (its name and value); SLURM_NTASKS is
// more than 1, but srun did not start this process (which ranks are missing).
RankPlace rank_place(Launcher asked, const Environment& environment);

// The first host of SLURM's list: "node[03-10,12],login" is node03.
std::string first_host(const std::string& list);

}  // namespace vega
