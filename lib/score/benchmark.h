// The benchmarks that `vega-eval score` knows: their names, splits and ways to score.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/choice.h"

namespace vega::score {

enum class Task {
  kScanRefer,
  kMulti3DRefer,
  kScan2Cap,
  kScanQa,
  kSqa3d,
  kNr3d,
  kVsi,
  kCvBench,
  kBlink,
  kScanReferFrames,  // of the spatial-reasoning release: about posed frames
  kScan2CapFrames,   // likewise
  kLibero
};
std::span<const Choice<Task>> task_names();  // "scanrefer", ...

// Published facts of a benchmark. questions: of the split that has public answers; 0: the
// annotation file says it.
struct Benchmark {
  Task task{};
  std::string_view title, split;
  std::int64_t questions = 0;
  std::vector<std::string_view> matchers;  // the first one is the official scorer
};
const Benchmark& benchmark_of(Task task);

// Whether a benchmark is about still pictures: CV-Bench, BLINK-spatial.
bool is_about_pictures(Task task);

// Whether its questions are about the posed frames of a scene, which they name: the forms of
// ScanRefer and Scan2Cap that the spatial-reasoning release of VEGA-3D evaluates.
bool is_about_frames(Task task);

// The benchmark that answer lines name as their dataset, in any of its spellings: "scanQA",
// "Scan2Cap", "sqa3d_test". Nothing: none that is known.
std::optional<Task> task_of_dataset(std::string_view dataset);

// The task that the inputs of a verb begin with; answer files follow. Throws UsageError.
Task task_of_inputs(const std::string& verb, std::span<const std::string> inputs);

// The name of a matcher of this task, case aside. Throws UsageError that lists them.
std::string matcher_name(Task task, const std::string& asked);

}  // namespace vega::score
