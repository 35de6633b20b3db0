// vega-eval prepare: the first byte chooses the benchmark and the split. What it writes is read
// back as it is. The bytes are tried as processed questions, too.
#include "score/prepare.h"

#include <algorithm>

#include "fuzz/target.h"

using namespace vega;
using namespace vega::fuzz;
using namespace vega::score;

namespace {

bool is_plain(const std::string& text) {
  return text.size() <= 4096 && std::none_of(text.begin(), text.end(), [](char c) {
           return static_cast<unsigned char>(c) < ' ' || c == '\x7f';
         });
}

void check_written(const std::vector<tasks::Sample>& samples, tasks::Task task) {
  if (samples.empty()) return;
  const std::string text = tasks::samples_text(samples);
  const auto again = tasks::parse_samples(text, "written", task, {.repeated_ids = true});
  require(again.bad.empty(), "what was written can be read");
  require(tasks::samples_text(again.samples) == text, "and is the same");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const InputFile file(bytes_of(data + 1, size - 1));
  const SceneBoxes boxes{{0, {0, 0, 0, 1, 1, 1}}, {1, {1, 1, 1, 1, 1, 1}}};
  PrepareSources sources;
  sources.task = tasks::kTasks[data[0] % 8 % std::size(tasks::kTasks)].value;
  sources.split = kSplits[data[0] / 8 % std::size(kSplits)].value;
  sources.annotations = sources.questions = file.path();
  sources.boxes.scenes = sources.proposals.scenes = "/";
  sources.boxes.read_scene =
      sources.proposals.read_scene = [&](const std::filesystem::path&) { return boxes; };
  attempt_any({[&] {
                 const Prepared prepared = prepare_samples(sources);
                 for (const LeftOut& one : prepared.left_out)
                   require(is_plain(one.why + one.id + one.scene), "plain reasons");
                 check_written(prepared.samples, sources.task);
               },
               [&] {
                 const auto read = tasks::read_samples(file.path(), sources.task);
                 for (const tasks::BadSample& bad : read.bad)
                   require(is_plain(bad.why + bad.id), "plain reasons");
                 check_written(read.samples, sources.task);
               },
               [&] { BoxSource({.boxes = file.path()}).of("fuzz", "scene0011_00"); }});
  return 0;
}
