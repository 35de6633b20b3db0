// LIBERO: rollouts of the four suites. Source: moojink/openvla-oft, run_libero_eval.py.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <set>
#include <tuple>

#include "base/error.h"
#include "base/printable.h"
#include "base/text.h"
#include "score/lines.h"
#include "score/rollouts.h"
#include "tasks/libero.h"

namespace vega::score {
namespace {

namespace fs = std::filesystem;
using tasks::LiberoEpisode;
using tasks::LiberoRun;

constexpr double kNoRate = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kSuites = tasks::kLiberoSuites.size();

std::string lines_of(const LiberoRun& run) {
  return fmt::format("lines {} to {} ({}{})", run.first_line, run.last_line,
                     plural(run.episodes.size(), "episode"), run.finished ? "" : ", cut");
}

// The runs of a log that count: the one that was chosen, or all where each is of another suite.
std::vector<LiberoRun> chosen_runs(std::vector<LiberoRun> runs, const std::string& name,
                                   std::int64_t chosen) {
  if (chosen > 0) {
    if (chosen > static_cast<std::int64_t>(runs.size()))
      throw UsageError(explain("--run", std::to_string(chosen),
                               "at most " + std::to_string(runs.size()) + ", the runs of " + name));
    return {std::move(runs[static_cast<std::size_t>(chosen) - 1])};
  }
  std::set<std::string> suites;
  bool one_each = true;
  for (const LiberoRun& run : runs) {
    one_each = one_each && run.finished;
    if (!run.episodes.empty()) one_each = suites.insert(run.episodes[0].suite).second && one_each;
  }
  if (runs.size() < 2 || one_each) return runs;
  std::string all;
  for (std::size_t i = 0; i < runs.size(); ++i)
    all += fmt::format("{}{}: {}", i > 0 ? "; " : "", i + 1, lines_of(runs[i]));
  throw InputError(explain(name, std::to_string(runs.size()) + " runs: " + all, "one run",
                           "choose one by --run N"));
}

struct Rollout {
  LiberoEpisode episode;
  std::string file;
  std::int64_t repeat = 0;  // of several seeds
};

// Reads the logs. The logs of one suite without seeds are repeats in the order of the files. about:
// gets what a log says about its run.
std::vector<Rollout> read_rollouts(std::span<const fs::path> files, std::int64_t run, bool partial,
                                   Json& about) {
  std::vector<Rollout> out;
  std::map<std::string, std::int64_t> logs;  // of a suite
  std::set<std::tuple<std::string, std::string, std::int64_t, std::int64_t>> seen;
  for (const fs::path& path : files) {
    const std::string name = path.string();
    std::set<std::string> suites;
    for (const LiberoRun& one :
         chosen_runs(tasks::read_libero_log(file_text(path), name), name, run)) {
      if (!one.about.is_null()) about = one.about;
      if (!one.finished && !partial)
        throw InputError(explain(name, "a log that is cut: " + lines_of(one),
                                 "a log that ends in its own totals",
                                 "finish the run, or give --partial"));
      for (const LiberoEpisode& episode : one.episodes) {
        const std::int64_t seed = episode.seed >= 0 ? episode.seed : -1 - logs[episode.suite];
        if (!seen.emplace(episode.suite, episode.task, episode.episode, seed).second)
          throw InputError(explain(
              line_place(name, episode.line),
              fmt::format("episode {} of '{}' a second time", episode.episode, episode.task),
              "each episode once"));
        suites.insert(episode.suite);
        out.push_back({episode, name, seed});
      }
    }
    for (const std::string& suite : suites) ++logs[suite];
  }
  return out;
}

int suite_number(const Rollout& rollout) {
  for (std::size_t s = 0; s < kSuites; ++s)
    if (tasks::kLiberoSuites[s].name == rollout.episode.suite) return static_cast<int>(s);
  if (rollout.episode.suite == "libero_90") return -1;
  throw FormatError(explain(line_place(rollout.file, rollout.episode.line) + ": suite",
                            "'" + printable(rollout.episode.suite, 80) + "'",
                            "libero_spatial, libero_object, libero_goal, libero_10 or libero_90"));
}

double mean_of_suites(std::span<const double> sums) {
  double total = 0;
  for (std::size_t s = 0; s < kSuites; ++s) {
    if (sums[2 * s + 1] <= 0) return kNoRate;
    total += sums[2 * s] / sums[2 * s + 1];
  }
  return total / static_cast<double>(kSuites);
}

// Every task of every suite has all its trials, for every seed.
void check_complete(const std::vector<Rollout>& rollouts, bool partial, Measured& out) {
  std::map<std::string, std::set<std::int64_t>> seeds;
  std::map<std::pair<std::string, std::string>, std::int64_t> of_task;
  for (const Rollout& one : rollouts) {
    seeds[one.episode.suite].insert(one.repeat);
    ++of_task[{one.episode.suite, one.episode.task}];
  }
  std::int64_t repeats = 1;
  for (const auto& suite : tasks::kLiberoSuites)
    repeats = std::max(repeats, static_cast<std::int64_t>(seeds[std::string(suite.name)].size()));
  out.of =
      static_cast<std::int64_t>(kSuites) * tasks::kLiberoTasks * tasks::kLiberoTrials * repeats;
  std::string faults;
  for (const auto& suite : tasks::kLiberoSuites) {
    std::int64_t complete = 0, episodes = 0;
    for (const auto& [task, count] : of_task) {
      if (task.first != suite.name) continue;
      complete += count == tasks::kLiberoTrials * repeats ? 1 : 0;
      episodes += count;
    }
    if (complete == tasks::kLiberoTasks &&
        episodes == tasks::kLiberoTasks * tasks::kLiberoTrials * repeats)
      continue;
    faults += fmt::format("{}{}: {} episodes, {} of 10 tasks complete", faults.empty() ? "" : "; ",
                          suite.name, episodes, complete);
  }
  if (faults.empty()) return;
  if (!partial)
    throw InputError(explain("the rollouts", faults,
                             fmt::format("10 tasks of 50 episodes in each of four suites{}",
                                         repeats > 1 ? fmt::format(", {} seeds", repeats) : ""),
                             "add the other logs, or give --partial, which stamps every number"));
  out.warnings.push_back("not the official average: " + faults);
}

// The average, the suites and LIBERO-90, each as a measure.
void add_suites(const std::vector<Rollout>& rollouts, Measured& out) {
  std::vector<std::vector<double>> of_suite(kSuites + 1,
                                            std::vector<double>(rollouts.size(), kNoRate));
  std::vector<double> earned(rollouts.size(), kNoRate), rows(rollouts.size() * 2 * kSuites, 0);
  std::int64_t outside = 0;
  for (std::size_t i = 0; i < rollouts.size(); ++i) {
    const double value = rollouts[i].episode.success ? 100 : 0;
    const int number = suite_number(rollouts[i]);
    const std::size_t suite = number >= 0 ? static_cast<std::size_t>(number) : kSuites;
    of_suite[suite][i] = value;
    if (number < 0) {
      ++outside;
      continue;
    }
    earned[i] = value;
    rows[i * 2 * kSuites + 2 * suite] = value;
    rows[i * 2 * kSuites + 2 * suite + 1] = 1;
  }
  out.of += outside;
  Measure average = mean("average", std::move(earned));
  average.sums = {2 * kSuites, rows, mean_of_suites};
  if (std::isnan(metrics::value_of(average.sums))) average.missing = "a suite has no episode";
  out.measures.push_back(std::move(average));
  for (std::size_t s = 0; s < kSuites; ++s) {
    out.measures.push_back(rate(std::string(tasks::kLiberoSuites[s].title), of_suite[s]));
    if (std::isnan(metrics::value_of(out.measures.back().sums)))
      out.measures.back().missing = "no episode";
  }
  if (outside > 0) out.measures.push_back(rate("LIBERO-90", of_suite[kSuites]));
}

// The value of each seed, where there are several: the first of every suite, the second, ...
void add_seeds(const std::vector<Rollout>& rollouts, Measured& out) {
  std::map<std::string, std::set<std::int64_t, std::greater<>>> unseeded;
  std::map<std::string, std::set<std::int64_t>> seeds;
  for (const Rollout& one : rollouts)
    one.repeat < 0 ? static_cast<void>(unseeded[one.episode.suite].insert(one.repeat))
                   : static_cast<void>(seeds[one.episode.suite].insert(one.repeat));
  std::vector<std::vector<std::size_t>> of_repeat;
  for (std::size_t i = 0; i < rollouts.size(); ++i) {
    const Rollout& one = rollouts[i];
    const auto place = [&](const auto& all) {
      return static_cast<std::size_t>(std::distance(all.begin(), all.find(one.repeat)));
    };
    const std::size_t rank =
        one.repeat < 0 ? place(unseeded[one.episode.suite])
                       : unseeded[one.episode.suite].size() + place(seeds[one.episode.suite]);
    if (rank >= of_repeat.size()) of_repeat.resize(rank + 1);
    of_repeat[rank].push_back(i);
  }
  if (of_repeat.size() < 2) return;
  for (const Measure& measure : out.measures) {
    auto& values = out.seeds.emplace_back();
    for (const auto& members : of_repeat) {
      const double value = metrics::value_of(metrics::some_of(measure.sums, members));
      if (!std::isnan(value)) values.push_back(value);
    }
  }
}

}  // namespace

Measured measure_rollouts(std::span<const fs::path> files, std::int64_t run, bool partial) {
  Measured out;
  out.matcher = "success";
  const auto rollouts = read_rollouts(files, run, partial, out.run);
  if (rollouts.empty()) throw InputError(explain(files[0].string(), "no episode", "rollouts"));
  check_complete(rollouts, partial, out);
  add_suites(rollouts, out);
  add_seeds(rollouts, out);
  std::map<std::string, std::vector<std::size_t>> groups;
  std::vector<double> all;
  for (std::size_t i = 0; i < rollouts.size(); ++i) {
    const LiberoEpisode& episode = rollouts[i].episode;
    groups[episode.suite + ": " + episode.task].push_back(i);
    all.push_back(episode.success ? 100 : 0);
    out.unreadable += episode.error.empty() ? 0 : 1;
    out.ids.push_back(fmt::format("{}/{}/{}/{}", episode.suite, episode.task, episode.episode,
                                  rollouts[i].repeat));
    out.scenes.emplace_back();
  }
  out.of_groups = {rate("success", std::move(all))};
  for (auto& [name, members] : groups) out.groups.emplace_back(name, std::move(members));
  if (out.unreadable > 0)
    out.notes.push_back(plural(static_cast<std::size_t>(out.unreadable), "episode") +
                        " that an error ended, counted as failed (the count 'unreadable')");
  return out;
}

}  // namespace vega::score
