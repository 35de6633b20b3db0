// Answer files of the benchmarks, with what is right in their lines, and rollout logs. The first
// byte chooses the benchmark.
#include "fuzz/target.h"
#include "score/join.h"
#include "score/measures.h"
#include "score/rollouts.h"
#include "score/summary.h"

using namespace vega;
using namespace vega::fuzz;
using namespace vega::score;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  constexpr Task kTasks[] = {Task::kScanRefer, Task::kMulti3DRefer, Task::kSqa3d, Task::kVsi,
                             Task::kScanQa,    Task::kScan2Cap,     Task::kNr3d,  Task::kLibero};
  const Task task = kTasks[data[0] % std::size(kTasks)];
  const auto bytes = bytes_of(data + 1, size - 1);
  attempt([&] {
    Measured measured;
    if (task == Task::kLibero) {
      const InputFile file(bytes);
      const std::filesystem::path path = file.path();
      measured = measure_rollouts({&path, 1}, 0, true);
    } else {
      const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      AnswerFile answers = parse_answers(text, "answers", task);
      require(answers.answers.size() <= size, "answers that the file holds");
      if (task == Task::kNr3d || task == Task::kScanQa || task == Task::kScan2Cap) return;
      Matching matching;
      matching.matcher = matcher_name(task, {});
      matching.partial = true;
      measured = measure(join(std::move(answers), nullptr, true), matching);
    }
    const Scores scores = scores_of(task, measured, {true, {100, 1}});
    const Scores again = parse_scores(scores_text(scores), "scores");
    require(scores_text(again) == scores_text(scores), "scores that come back from their text");
    for (const auto& [name, value] : scores.metrics) {
      if (!value.reason.empty()) continue;
      require(value.value >= -1e-9 && value.value <= 100 + 1e-9, "a percentage");
      require(value.high > value.low, "an interval with a width");
    }
  });
  return 0;
}
