#include "ranks/place.h"

#include <catch2/catch.hpp>
#include <map>

#include "base/error.h"

using namespace vega;

namespace {

using Values = std::map<std::string, std::string>;

RankPlace placed(const Values& values, Launcher asked = Launcher::kAuto) {
  return rank_place(asked, [&](const char* name) {
    const auto found = values.find(name);
    return found == values.end() ? nullptr : found->second.c_str();
  });
}

std::string refusal(const Values& values, Launcher asked = Launcher::kAuto) {
  try {
    placed(values, asked);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

const Values kTorchrunValues{{"RANK", "3"},
                             {"WORLD_SIZE", "4"},
                             {"LOCAL_RANK", "1"},
                             {"LOCAL_WORLD_SIZE", "2"},
                             {"MASTER_ADDR", "node7"},
                             {"MASTER_PORT", "29511"}};
const Values kSlurmValues{{"SLURM_JOB_ID", "77"},
                          {"SLURM_STEP_ID", "0"},
                          {"SLURM_PROCID", "2"},
                          {"SLURM_NTASKS", "4"},
                          {"SLURM_LOCALID", "0"},
                          {"SLURM_STEP_NUM_NODES", "2"},
                          {"SLURM_STEP_TASKS_PER_NODE", "2(x2)"},
                          {"SLURM_JOB_NODELIST", "gpu[03-10,12],login"}};

Values with(Values values, const std::string& name, const std::string& value) {
  values[name] = value;
  return values;
}
Values without(Values values, const std::string& name) {
  values.erase(name);
  return values;
}

}  // namespace

TEST_CASE("a process without a launcher is one rank") {
  const RankPlace place = placed({{"PATH", "/bin"}});
  CHECK(place.launcher == Launcher::kNone);
  CHECK(place.count == 1);
  CHECK(place.text() == "one rank");
  CHECK(placed(kTorchrunValues, Launcher::kNone).count == 1);
}

TEST_CASE("torchrun's variables") {
  const RankPlace place = placed(kTorchrunValues);
  CHECK(place.launcher == Launcher::kTorchrun);
  CHECK((place.rank == 3 && place.count == 4 && place.local_rank == 1 && place.local_count == 2));
  CHECK((place.host == "node7" && place.port == 29511));
  CHECK_FALSE(place.one_node);
  CHECK_FALSE(place.agent_store);
  CHECK(place.text() == "rank 3 of 4 by torchrun, which meet at node7:29511");
  CHECK(placed(with(kTorchrunValues, "TORCHELASTIC_USE_AGENT_STORE", "True")).agent_store);
  // An attempt after a failure must not meet what the first one left in the agent's store.
  CHECK(placed(with(kTorchrunValues, "TORCHELASTIC_RESTART_COUNT", "1")).job != place.job);
  // By hand, without the variables of one node.
  const RankPlace by_hand = placed(
      {{"RANK", "1"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "127.0.0.1"}, {"MASTER_PORT", "1234"}});
  CHECK((by_hand.one_node && by_hand.local_rank == 1 && by_hand.local_count == 2));
}

TEST_CASE("torchrun's variables that do not fit are named") {
  CHECK_THAT(refusal({{"WORLD_SIZE", "4"}}), Catch::Contains("RANK") && Catch::Contains("0 to 3"));
  CHECK_THAT(refusal(without(kTorchrunValues, "MASTER_PORT")), Catch::Contains("MASTER_PORT"));
  CHECK_THAT(refusal(without(kTorchrunValues, "MASTER_ADDR")), Catch::Contains("MASTER_ADDR"));
  CHECK_THAT(refusal(without(kTorchrunValues, "WORLD_SIZE")), Catch::Contains("WORLD_SIZE"));
  CHECK_THAT(refusal(with(kTorchrunValues, "RANK", "4")),
             Catch::Contains("'4'") && Catch::Contains("from 0 to 3"));
  CHECK_THAT(refusal(with(kTorchrunValues, "WORLD_SIZE", "four")), Catch::Contains("'four'"));
  CHECK_THAT(refusal({}, Launcher::kTorchrun), Catch::Contains("WORLD_SIZE"));
}

TEST_CASE("SLURM's variables") {
  const RankPlace place = placed(kSlurmValues);
  CHECK(place.launcher == Launcher::kSlurm);
  CHECK((place.rank == 2 && place.count == 4 && place.local_rank == 0 && place.local_count == 2));
  CHECK(place.host == "gpu03");
  CHECK((place.port >= 10000 && place.port < 32000));
  CHECK(place.node_cores == 0);
  CHECK(placed(with(kSlurmValues, "SLURM_CPUS_ON_NODE", "16")).node_cores == 16);
  // Ranks of one step agree, other jobs and steps meet elsewhere.
  CHECK(placed(with(kSlurmValues, "SLURM_PROCID", "0")).port == place.port);
  CHECK(placed(with(kSlurmValues, "SLURM_JOB_ID", "78")).port != place.port);
  CHECK(placed(with(kSlurmValues, "SLURM_STEP_ID", "1")).port != place.port);
  // Within one node, and with variables that scripts often set.
  const RankPlace one = placed(with(kSlurmValues, "SLURM_STEP_NUM_NODES", "1"));
  CHECK((one.one_node && one.host == "localhost" && one.local_count == 4));
  const RankPlace set =
      placed(with(with(with(kSlurmValues, "MASTER_ADDR", "ib-gpu03"), "MASTER_PORT", "5000"),
                  "WORLD_SIZE", "4"));
  CHECK((set.launcher == Launcher::kSlurm && set.host == "ib-gpu03" && set.port == 5000));
  // torchrun within srun.
  Values both = kSlurmValues;
  both.insert(kTorchrunValues.begin(), kTorchrunValues.end());
  CHECK(placed(both).launcher == Launcher::kTorchrun);
  CHECK(placed(both, Launcher::kSlurm).rank == 2);
}

TEST_CASE("SLURM's tasks without srun are named") {
  const Values batch{{"SLURM_JOB_ID", "77"}, {"SLURM_NTASKS", "2"}, {"SLURM_PROCID", "0"}};
  CHECK_THAT(refusal(batch), Catch::Contains("SLURM_NTASKS") && Catch::Contains("ranks 0 to 1") &&
                                 Catch::Contains("srun"));
  CHECK(placed(with(batch, "SLURM_NTASKS", "1")).count == 1);
  CHECK(placed(without(batch, "SLURM_NTASKS")).launcher == Launcher::kNone);
}

TEST_CASE("the first host of a list of nodes") {
  CHECK(first_host("login") == "login");
  CHECK(first_host("a,b") == "a");
  CHECK(first_host("node[03-10,12],login") == "node03");
  CHECK(first_host("node[7,9]") == "node7");
  CHECK(first_host("rack[2-3]-gpu[001-128].site") == "rack2-gpu001.site");
}
