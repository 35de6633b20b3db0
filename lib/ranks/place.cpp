#include "ranks/place.h"

#include <fmt/format.h>

#include <cstdint>
#include <limits>
#include <string_view>

#include "base/error.h"
#include "base/philox.h"
#include "base/text.h"

namespace vega {
namespace {

// Ports that a job of SLURM may take: below those that the kernel hands out.
constexpr int kFirstPort = 10000, kPorts = 22000;

// The variables of the environment, with errors that name them.
class Variables {
 public:
  explicit Variables(const Environment& environment) : environment_(environment) {}

  bool has(const char* name) const { return !text(name).empty(); }
  std::string text(const char* name) const {
    const char* value = environment_(name);
    return value == nullptr ? "" : value;
  }
  std::string needed(const char* name, const char* what) const {
    if (!has(name))
      throw UsageError(explain(name, "nothing", what,
                               "start all ranks with torchrun or srun, or give --launcher none"));
    return text(name);
  }
  int number(const char* name, int least, int most) const {
    const std::string value = text(name);
    const auto number = parse_whole(value);
    if (!number || *number < least || *number > most)
      throw UsageError(explain(name, "'" + value + "'",
                               fmt::format("a whole number from {} to {}", least, most),
                               "the launcher sets it; --launcher none trains with one rank"));
    return static_cast<int>(*number);
  }
  int number_or(const char* name, int least, int most, int other) const {
    return has(name) ? number(name, least, most) : other;
  }

 private:
  const Environment& environment_;
};

constexpr int kMost = std::numeric_limits<int>::max();

bool is_this_machine(const std::string& host) {
  return host == "localhost" || host.starts_with("127.") || host == "::1";
}

RankPlace by_torchrun(const Variables& v) {
  RankPlace out;
  out.launcher = Launcher::kTorchrun;
  static_cast<void>(v.needed("WORLD_SIZE", "the number of ranks"));
  out.count = v.number("WORLD_SIZE", 1, kMost);
  static_cast<void>(
      v.needed("RANK", fmt::format("the number of this rank, 0 to {}", out.count - 1).c_str()));
  out.rank = v.number("RANK", 0, out.count - 1);
  out.job = fmt::format("torchrun {}", v.text("TORCHELASTIC_RUN_ID"));
  if (out.count == 1) return out;
  out.host = v.needed("MASTER_ADDR", "the host on which rank 0 runs");
  static_cast<void>(v.needed("MASTER_PORT", "a free port of that host"));
  out.port = v.number("MASTER_PORT", 1, 65535);
  out.local_count =
      v.number_or("LOCAL_WORLD_SIZE", 1, out.count, is_this_machine(out.host) ? out.count : 1);
  out.local_rank = v.number_or("LOCAL_RANK", 0, out.local_count - 1, out.rank % out.local_count);
  out.one_node = out.local_count == out.count;
  out.agent_store = v.text("TORCHELASTIC_USE_AGENT_STORE") == "True";
  out.job += " restart " + std::to_string(v.number_or("TORCHELASTIC_RESTART_COUNT", 0, kMost, 0));
  return out;
}

// "2(x3),1": tasks of each node.
int first_number(const std::string& list, int other) {
  std::size_t end = 0;
  while (end < list.size() && list[end] >= '0' && list[end] <= '9') ++end;
  return static_cast<int>(parse_whole(std::string_view(list).substr(0, end)).value_or(other));
}

RankPlace by_slurm(const Variables& v) {
  RankPlace out;
  out.launcher = Launcher::kSlurm;
  const char* tasks = v.has("SLURM_STEP_NUM_TASKS") ? "SLURM_STEP_NUM_TASKS" : "SLURM_NTASKS";
  static_cast<void>(v.needed(tasks, "the number of tasks"));
  out.count = v.number(tasks, 1, kMost);
  const std::string step =
      v.has("SLURM_STEP_ID") ? v.text("SLURM_STEP_ID") : v.text("SLURM_STEPID");
  if (out.count > 1 && (step.empty() || !v.has("SLURM_PROCID")))
    throw UsageError(
        explain(tasks, fmt::format("{}, but srun did not start this process", out.count),
                fmt::format("as many processes; ranks 0 to {} are missing", out.count - 1),
                "start it with srun, ask for one task, or give --launcher none"));
  out.rank = v.number_or("SLURM_PROCID", 0, out.count - 1, 0);
  out.job = fmt::format("slurm {}.{}", v.text("SLURM_JOB_ID"), step);
  if (out.count == 1) return out;
  const int nodes = v.number_or("SLURM_STEP_NUM_NODES", 1, kMost,
                                v.number_or("SLURM_NNODES", 1, kMost, out.count));
  out.one_node = nodes == 1;
  out.local_count = out.one_node ? out.count
                                 : first_number(v.text("SLURM_STEP_TASKS_PER_NODE"),
                                                (out.count + nodes - 1) / nodes);
  out.local_rank = v.number_or("SLURM_LOCALID", 0, kMost, 0);
  out.node_cores = v.number_or("SLURM_CPUS_ON_NODE", 1, kMost, 0);
  const char* list = v.has("SLURM_STEP_NODELIST") ? "SLURM_STEP_NODELIST" : "SLURM_JOB_NODELIST";
  if (v.has("MASTER_ADDR"))
    out.host = v.text("MASTER_ADDR");
  else
    out.host = out.one_node ? "localhost" : first_host(v.needed(list, "the nodes of the job"));
  static_cast<void>(v.needed("SLURM_JOB_ID", "the number of the job"));
  out.port = v.number_or("MASTER_PORT", 1, 65535,
                         kFirstPort + static_cast<int>(fnv1a64(out.job) % kPorts));
  return out;
}

}  // namespace

std::string first_host(const std::string& list) {
  std::string out;
  for (std::size_t i = 0; i < list.size() && list[i] != ','; ++i) {
    if (list[i] != '[') {
      out += list[i];
      continue;
    }
    const std::size_t close = list.find(']', i);
    const std::string_view inner =
        std::string_view(list).substr(i + 1, close == list.npos ? close : close - i - 1);
    out += inner.substr(0, inner.find_first_of(",-"));
    if (close == list.npos) break;
    i = close;
  }
  return out;
}

std::string RankPlace::text() const {
  if (count == 1) return "one rank";
  return fmt::format("rank {} of {} by {}, which meet at {}:{}", rank, count,
                     name_in<Launcher>(kLaunchers, launcher), host, port);
}

RankPlace rank_place(Launcher asked, const Environment& environment) {
  const Variables v(environment);
  if (asked == Launcher::kAuto) {
    const bool slurm = v.has("SLURM_JOB_ID") && (v.has("SLURM_NTASKS") || v.has("SLURM_STEP_ID"));
    if (v.has("RANK") || (v.has("WORLD_SIZE") && !slurm))
      asked = Launcher::kTorchrun;
    else
      asked = slurm ? Launcher::kSlurm : Launcher::kNone;
  }
  if (asked == Launcher::kTorchrun) return by_torchrun(v);
  if (asked == Launcher::kSlurm) return by_slurm(v);
  return {};
}

}  // namespace vega
