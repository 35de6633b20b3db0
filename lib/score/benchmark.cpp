#include "score/benchmark.h"

#include <array>

#include "base/error.h"
#include "base/text.h"

namespace vega::score {
namespace {

constexpr Choice<Task> kTasks[] = {{Task::kScanRefer, "scanrefer"},
                                   {Task::kMulti3DRefer, "multi3drefer"},
                                   {Task::kScan2Cap, "scan2cap"},
                                   {Task::kScanQa, "scanqa"},
                                   {Task::kSqa3d, "sqa3d"},
                                   {Task::kNr3d, "nr3d"},
                                   {Task::kVsi, "vsi"},
                                   {Task::kCvBench, "cvbench"},
                                   {Task::kBlink, "blink"},
                                   {Task::kScanReferFrames, "scanrefer-frames"},
                                   {Task::kScan2CapFrames, "scan2cap-frames"},
                                   {Task::kLibero, "libero"},
                                   {Task::kVsi, "vsibench", {}, true},
                                   {Task::kVsi, "vsi-bench", {}, true},
                                   {Task::kCvBench, "cv-bench", {}, true},
                                   {Task::kBlink, "blink-spatial", {}, true}};

// Lower case without what separates words: "VSI-Bench" is "vsibench".
std::string plain_name(std::string_view name) {
  std::string out = lower(std::string(name));
  std::erase_if(out, [](char c) { return c == '_' || c == '-' || c == ' '; });
  return out;
}

}  // namespace

std::span<const Choice<Task>> task_names() { return kTasks; }

const Benchmark& benchmark_of(Task task) {
  static const std::array<Benchmark, 12> all = {{
      {Task::kScanRefer, "ScanRefer", "val", 9508, {"official"}},
      {Task::kMulti3DRefer, "Multi3DRefer", "val", 11120, {"official", "renormalised"}},
      {Task::kScan2Cap,
       "Scan2Cap",
       "val",
       2068,
       {"official", "placeholder", "miss-counts-zero", "hits-only"}},
      {Task::kScanQa, "ScanQA", "val", 4675, {"raw", "PTB"}},
      {Task::kSqa3d, "SQA3D", "test", 3519, {"official", "strict", "refined"}},
      {Task::kNr3d, "Nr3D", "val", 0, {"object id"}},
      {Task::kVsi,
       "VSI-Bench",
       "test",
       5130,
       {"official, strict parser", "eleven, strict parser", "strict-lt, strict parser",
        "official, lenient parser", "eleven, lenient parser", "strict-lt, lenient parser"}},
      {Task::kCvBench, "CV-Bench", "test", 2638, {"official", "lenient"}},
      {Task::kBlink, "BLINK-spatial", "val", 400, {"official", "lenient"}},
      {Task::kScanReferFrames, "ScanRefer, frames", "val", 9508, {"official"}},
      {Task::kScan2CapFrames,
       "Scan2Cap, frames",
       "val",
       2068,
       {"official", "placeholder", "miss-counts-zero", "hits-only"}},
      {Task::kLibero, "LIBERO", "rollouts", 2000, {"success"}},
  }};
  return all.at(static_cast<std::size_t>(task));
}

bool is_about_pictures(Task task) { return task == Task::kCvBench || task == Task::kBlink; }

bool is_about_frames(Task task) {
  return task == Task::kScanReferFrames || task == Task::kScan2CapFrames;
}

std::optional<Task> task_of_dataset(std::string_view dataset) {
  const std::string plain = plain_name(dataset);
  for (const Choice<Task>& choice : kTasks)
    if (plain == plain_name(choice.name)) return choice.value;
  for (const Choice<Task>& choice : kTasks)
    if (plain.starts_with(plain_name(benchmark_of(choice.value).title))) return choice.value;
  return std::nullopt;
}

Task task_of_inputs(const std::string& verb, std::span<const std::string> inputs) {
  if (inputs.empty())
    throw UsageError(explain(verb, "no task", "one of " + listed(task_names(), ", ")));
  const Task task = choice_of(task_names(), verb, inputs[0]);
  if (inputs.size() < 2)
    throw UsageError(explain(verb + " " + inputs[0], "no answer file", "one at least"));
  return task;
}

std::string matcher_name(Task task, const std::string& asked) {
  const Benchmark& benchmark = benchmark_of(task);
  if (asked.empty()) return std::string(benchmark.matchers.front());
  std::string known;
  for (const std::string_view name : benchmark.matchers) {
    // "eleven" is "eleven, strict parser".
    const std::string_view start = name.substr(0, name.find(','));
    if (lower(std::string(name)) == lower(asked) || lower(std::string(start)) == lower(asked))
      return std::string(name);
    known += (known.empty() ? "" : ", ") + ("'" + std::string(name) + "'");
  }
  throw UsageError(explain("--matcher", "'" + asked + "'", "one of " + known));
}

}  // namespace vega::score
