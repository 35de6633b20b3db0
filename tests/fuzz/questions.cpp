// Annotation files of the benchmarks, original and processed. The first byte chooses the benchmark.
#include "fuzz/target.h"
#include "score/truth.h"
#include "score/validate_questions.h"

using namespace vega;
using namespace vega::fuzz;
using namespace vega::score;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  constexpr Task kTasks[] = {Task::kScanRefer, Task::kMulti3DRefer, Task::kScan2Cap, Task::kScanQa,
                             Task::kSqa3d,     Task::kNr3d,         Task::kVsi};
  const InputFile file(bytes_of(data + 1, size - 1));
  attempt([&] {
    TruthSources sources;
    sources.annotations = file.path();
    sources.scenes = "/";
    sources.read_scene = [](const std::filesystem::path&) {
      return SceneBoxes{{0, {0, 0, 0, 1, 1, 1}}, {1, {1, 1, 1, 1, 1, 1}}};
    };
    const Task task = kTasks[data[0] % std::size(kTasks)];
    const TruthFile truth = read_truth(task, sources);
    require(truth.questions.size() <= size, "questions that the file holds");
    require(truth.place.size() == truth.questions.size(), "each question once");
    require(read_questions(task, file.path()).list.size() == truth.questions.size(),
            "as many questions without their answers");
  });
  return 0;
}
