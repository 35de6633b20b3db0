// Folders of runs: R072, R073, kills and disks that fail.
#include "train/run_folder.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <set>

#include "base/error.h"
#include "base/stop.h"
#include "store/inspect.h"
#include "support/support.h"
#include "vlm/saved_step.h"

using namespace vega;
using namespace vega::train;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

Json sample_run(std::int64_t epochs = 1, double rate = 1e-4) {
  return {{"options", Json{{"epochs", epochs}, {"rate", rate}}}, {"base", "0123"}};
}

// Values of a step: they differ from step to step.
struct SampleStep {
  std::vector<float> weight, moment;
  StepContent content;

  explicit SampleStep(std::int64_t step, std::size_t size = 300) : weight(size), moment(size) {
    for (std::size_t i = 0; i < size; ++i) {
      weight[i] = static_cast<float>(i) + 0.25F * static_cast<float>(step);
      moment[i] = -weight[i];
    }
    const auto view = [](const std::vector<float>& values) {
      return TensorView{DType::kF32,
                        {static_cast<std::int64_t>(values.size())},
                        std::as_bytes(std::span(values)).data()};
    };
    content.model = {{"model.image_newline", view(weight)}};
    content.optimizer = {{"model.image_newline.exp_avg", view(moment)}};
    content.config = "{}\n";
    content.state.set("sampler", Json{{"next", step}});
  }
};

std::set<std::string> names_in(const fs::path& folder) {
  std::set<std::string> out;
  for (const auto& entry : fs::directory_iterator(folder)) out.insert(entry.path().filename());
  return out;
}

// Every file below a folder with its bytes and the time it was written.
std::map<std::string, std::string> content_of(const fs::path& folder) {
  std::map<std::string, std::string> out;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    const auto time = entry.last_write_time().time_since_epoch().count();
    out[entry.path()] = std::to_string(time) + test::read_text(entry.path());
  }
  return out;
}

std::vector<float> weights_of(const RunFolder& run, const StepFolder& step) {
  const TensorSet set = run.read_tensors(step, "model");
  return to_f32(set.at("model.image_newline"));
}

void save(RunFolder& run, std::int64_t step) { run.save(step, SampleStep(step).content); }

}  // namespace

TEST_CASE("run folder: a checkpoint comes back as it was saved, with its state") {
  const test::TempFolder folder;
  RunFolder run(folder / "run", sample_run());
  CHECK_FALSE(run.newest().has_value());
  test::write_text(folder / "tokenizer.json", "{\"a\": 1}");
  SampleStep sample(100);
  sample.content.copies = {folder / "tokenizer.json", folder / "not_there.json"};
  const StepFolder step = run.save(100, sample.content);
  CHECK(step.path == folder / "run/step-00000100");
  CHECK(names_in(step.path) == std::set<std::string>{"DONE", "config.json", "model-0-of-1.h5",
                                                     "optimizer-rank-0-of-1.h5", "state.json",
                                                     "tokenizer.json"});
  CHECK(weights_of(run, *run.newest()) == sample.weight);
  CHECK(to_f32(run.read_tensors(step, "optimizer").at("model.image_newline.exp_avg")) ==
        sample.moment);
  const Json state = run.state(step);
  CHECK(state["schema"].text_or("") == "vega.checkpoint/1");
  CHECK(state["step"].whole() == 100);
  CHECK(state["sampler"]["next"].whole() == 100);
  CHECK(state["run"] == sample_run());
  CHECK(state["identity"].text_or("") == run.identity());
  CHECK(verify(step.path / "model-0-of-1.h5").empty());
}

// R073.
TEST_CASE("run folder: the last k and the best stay, never less") {
  const test::TempFolder folder;
  RunFolder run(folder / "run", sample_run(), {.keep_last = 2});
  for (const std::int64_t step : {10, 20}) save(run, step);
  run.mark_best(10, "scanqa/cider", 12.5);
  CHECK_THROWS_AS(run.mark_best(15, "scanqa/cider", 1), InputError);
  for (const std::int64_t step : {30, 40, 50}) save(run, step);
  const auto numbers = [&] {
    std::vector<std::int64_t> out;
    for (const auto& step : run.steps()) out.push_back(step.step);
    return out;
  };
  CHECK(numbers() == std::vector<std::int64_t>{10, 40, 50});
  run.mark_best(50, "scanqa/cider", 13.5);
  CHECK(numbers() == std::vector<std::int64_t>{40, 50});
  REQUIRE(run.best().has_value());
  CHECK(run.best()->step == 50);
  CHECK(run.best()->value == 13.5);
  for (const std::int64_t step : {60, 70}) save(run, step);
  CHECK(numbers() == std::vector<std::int64_t>{50, 60, 70});
  RunFolder::Best best = *run.best();
  CHECK(best.metric == "scanqa/cider");
}

// R073.
TEST_CASE("run folder: another run's folder is refused, with the values that differ") {
  const test::TempFolder folder;
  { RunFolder run(folder / "run", sample_run()); }
  {
    RunFolder run(folder / "run", sample_run());
    save(run, 500);
  }
  const auto before = content_of(folder / "run");
  CHECK_THROWS_WITH(RunFolder(folder / "run", sample_run(1, 2e-4)),
                    Contains("options.rate: file has 0.0001, asked 0.0002") &&
                        Contains("nothing was changed") && Contains("--overwrite"));
  CHECK_THROWS_AS(RunFolder(folder / "run", sample_run(1, 2e-4)), RefusedError);
  // Checkpoints say it themselves, where run.json is lost.
  fs::rename(folder / "run/run.json", folder / "kept");
  CHECK_THROWS_WITH(RunFolder(folder / "run", sample_run(1, 2e-4)),
                    Contains("step-00000500") && Contains("options.rate"));
  fs::rename(folder / "kept", folder / "run/run.json");
  CHECK(content_of(folder / "run") == before);
  fs::create_directory(folder / "other");
  test::write_text(folder / "other/run.json", "{\"schema\": \"vega.answers/1\"}");
  CHECK_THROWS_WITH(RunFolder(folder / "other", sample_run()), Contains("vega.answers/1"));
  RunFolder other(folder / "run", sample_run(1, 2e-4), {.overwrite = true});
  CHECK(other.steps().empty());
  save(other, 1);
  CHECK(other.newest()->step == 1);
}

// R072.
TEST_CASE("run folder: a finished run stays as it is, and more epochs are another run") {
  const test::TempFolder folder;
  {
    RunFolder run(folder / "run", sample_run());
    save(run, 5);
    CHECK_FALSE(run.finished().has_value());
    run.mark_finished(5);
  }
  const auto before = content_of(folder / "run");
  {
    RunFolder run(folder / "run", sample_run());
    CHECK(run.finished() == 5);
    CHECK(run.newest()->step == 5);
  }
  CHECK(content_of(folder / "run") == before);
  CHECK_THROWS_WITH(RunFolder(folder / "run", sample_run(2)),
                    Contains("options.epochs: file has 1, asked 2"));
  RunFolder again(folder / "run", sample_run(2), {.overwrite = true});
  CHECK_FALSE(again.finished().has_value());
}

TEST_CASE("run folder: one process at a time") {
  const test::TempFolder folder;
  const RunFolder run(folder / "run", sample_run());
  CHECK_THROWS_WITH(RunFolder(folder / "run", sample_run()), Contains("another process"));
}

TEST_CASE("run folder: none inside another one, whatever the form of its path") {
  const test::TempFolder folder;
  { const RunFolder run(folder / "run", sample_run()); }
  for (const char* inside : {"run/step-00000100", "run/a/b/", "run/../run/a"}) {
    INFO(inside);
    CHECK_THROWS_WITH(RunFolder(folder / inside, sample_run()),
                      Contains("inside the run") && Contains("another folder"));
  }
  CHECK(names_in(folder / "run") == std::set<std::string>{"run.json"});
  for (const char* itself : {"run/", "run/.", "./run", "run-2"})
    CHECK_NOTHROW(RunFolder(folder / itself, sample_run()));
}

TEST_CASE("run folder: torn checkpoints are never read and are removed") {
  const test::TempFolder folder;
  {
    RunFolder run(folder / "run", sample_run(), {.keep_last = 9});
    for (const std::int64_t step : {1, 2, 3, 4}) save(run, step);
  }
  fs::remove(folder / "run/step-00000004/DONE");
  fs::resize_file(folder / "run/step-00000003/model-0-of-1.h5", 100);
  fs::create_directories(folder / "run/step-00000005.part-host-1");
  RunFolder run(folder / "run", sample_run());
  CHECK(run.newest()->step == 2);
  CHECK(names_in(folder / "run") ==
        std::set<std::string>{"run.json", "step-00000001", "step-00000002"});
  save(run, 3);
  CHECK(weights_of(run, *run.newest()) == SampleStep(3).weight);
}

TEST_CASE("run folder: a run that is killed at any moment of saving loses nothing") {
  const test::TempFolder folder;
  {
    RunFolder run(folder / "run", sample_run());
    save(run, 1);
  }
  // A child saves step after step and is killed at the Nth look at its folder.
  for (int kill_at = 1; kill_at <= 12; ++kill_at) {
    INFO(kill_at);
    const pid_t child = fork();
    if (child == 0) {
      try {
        RunFolder run(folder / "run", sample_run());
        const std::int64_t first = run.newest()->step;
        for (std::int64_t step = first + 1;; ++step)
          run.save(step, SampleStep(step, 200000).content);
      } catch (...) {
        _exit(9);
      }
    }
    REQUIRE(child > 0);
    // Until it has begun the kill_at-th new file or folder; then at once.
    std::set<std::string> seen;
    while (static_cast<int>(seen.size()) < kill_at) {
      std::error_code error;
      for (fs::recursive_directory_iterator at(folder / "run", error), end; !error && at != end;
           at.increment(error))
        if (at->path().string().find(".part-") != std::string::npos) seen.insert(at->path());
      int status = 0;
      if (waitpid(child, &status, WNOHANG) == child) FAIL("the child ended: " << status);
    }
    kill(child, SIGKILL);
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    RunFolder run(folder / "run", sample_run());
    REQUIRE(run.newest().has_value());
    const std::int64_t step = run.newest()->step;
    CHECK(weights_of(run, *run.newest()) == SampleStep(step, step == 1 ? 300 : 200000).weight);
    for (const std::string& name : names_in(folder / "run"))
      CHECK(name.find(".part-") == std::string::npos);
  }
}

TEST_CASE("run folder: a full disk is an error, and older checkpoints stay") {
  const test::TempFolder folder;
  RunFolder run(folder / "run", sample_run());
  save(run, 1);
  const auto before = content_of(folder / "run");
  catch_stop_signals();  // no signal for it
  rlimit old{};
  getrlimit(RLIMIT_FSIZE, &old);
  // A limit on the size of files stands in for a full disk.
  for (const rlim_t bytes : {rlim_t{50}, rlim_t{4096}, rlim_t{100000}}) {
    INFO(bytes);
    rlimit now = old;
    now.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &now);
    CHECK_THROWS_AS(run.save(2, SampleStep(2, 200000).content), OutputError);
    setrlimit(RLIMIT_FSIZE, &old);
    CHECK(content_of(folder / "run") == before);
    CHECK(names_in(folder / "run") == std::set<std::string>{"run.json", "step-00000001"});
  }
  run.save(2, SampleStep(2, 200000).content);
  CHECK(run.newest()->step == 2);
}

TEST_CASE("saved step: the base is found by path, beside the run, or by --base") {
  const test::TempFolder folder;
  fs::create_directories(folder / "a/base");
  RunFolder run(folder / "a/run", sample_run());
  SampleStep sample(1);
  vlm::VlmCheckpoint base;
  base.path = folder / "a/base";
  vlm::describe_saved(sample.content.state, &base, folder / "a/run",
                      vlm::SavedLora{64, 16, 0.05, true}, {300, 301});
  const StepFolder step = run.save(1, sample.content);
  const vlm::SavedStep saved = vlm::read_saved_step(step.path);
  CHECK(saved.folder.step == 1);
  CHECK(vlm::find_base(saved, "") == folder / "a/base");
  CHECK(saved.fingerprint == base.fingerprint());
  REQUIRE(saved.lora.has_value());
  CHECK(saved.lora->scales().scale_of("model.layers.0.mlp.up_proj") == 2.0);
  REQUIRE(saved.new_tokens.has_value());
  CHECK(*saved.new_tokens == std::vector<std::int64_t>{300, 301});
  fs::rename(folder / "a", folder / "b");
  const vlm::SavedStep moved = vlm::read_saved_step(folder / "b/run/step-00000001");
  CHECK(fs::equivalent(vlm::find_base(moved, ""), folder / "b/base"));
  fs::rename(folder / "b/base", folder / "c");
  CHECK(vlm::find_base(moved, folder / "c") == folder / "c");
  CHECK_THROWS_WITH(vlm::find_base(moved, ""),
                    Contains("a/base") && Contains("b/base") && Contains("--base"));
  CHECK_THROWS_WITH(vlm::find_base(moved, folder / "d"), Contains("no such folder"));
}
