// Faults in the folder of a run of training. Each call that writes it fails once: for a moment
// (EIO), and with all calls after it, as on a full disk (ENOSPC). The process is also killed right
// before each of them. Every time the checkpoints that are there are whole, and a run that goes on
// ends with the files of a run that was never disturbed.
//   fault_run FOLDER     an empty folder; run it with LD_PRELOAD=libfault_shim.so
// Of two calls in a row one meets the one fault and one the other, and every second one a kill;
// with VEGA_SOAK=1 every call meets all three. Prints each failure and how many faults there were;
// exit code 1 where there is a failure.
#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/publish.h"
#include "store/inspect.h"
#include "train/data_record.h"
#include "train/metrics_file.h"
#include "train/metrics_log.h"
#include "train/run_folder.h"
#include "train/validate_files.h"

using namespace vega;
using namespace vega::train;
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kFirst = 1, kBest = 2, kLast = 3;  // steps
constexpr const char* kAllKinds[] = {"write",  "fsync", "rename", "truncate",
                                     "create", "mkdir", "unlink"};

// The functions of fault_shim.c.
struct Shim {
  void (*plan)(const char* prefix, const char* call, long at, int error, int on, int signal);
  long (*count)(const char* call);
  const char* (*path)();

  Shim() {
    plan = reinterpret_cast<decltype(plan)>(dlsym(RTLD_DEFAULT, "vega_fault_plan"));
    count = reinterpret_cast<decltype(count)>(dlsym(RTLD_DEFAULT, "vega_fault_count"));
    path = reinterpret_cast<decltype(path)>(dlsym(RTLD_DEFAULT, "vega_fault_path"));
    if (plan != nullptr && count != nullptr && path != nullptr) return;
    std::fputs("fault_run: run it with LD_PRELOAD=libfault_shim.so\n", stderr);
    std::exit(2);
  }
};

// Values of a step: they differ from step to step.
std::vector<float> values_of(std::int64_t step, float sign) {
  std::vector<float> out(70000);
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = sign * (static_cast<float>(i) + 0.25F * static_cast<float>(step));
  return out;
}

void save_step(RunFolder& run, std::int64_t step) {
  const auto weights = values_of(step, 1), moments = values_of(step, -1);
  const auto view = [](const std::vector<float>& values) {
    return TensorView{DType::kF32,
                      {static_cast<std::int64_t>(values.size())},
                      std::as_bytes(std::span(values)).data()};
  };
  StepContent content;
  content.model = {{"model.image_newline", view(weights)}};
  content.optimizer = {{"model.image_newline.exp_avg", view(moments)}};
  content.config = "{}\n";
  content.state.set("sampler", Json{{"step", step}});
  run.save(step, content);
}

// The files of a validation at the step that is best.
void validate_best(RunFolder& run) {
  publish_file(run.path() / "validation" / step_name(kBest) / "scanqa.jsonl", "{}\n");
  write_validation_lines(run.path(), {Json{{"step", kBest}, {"value", 1}}});
  run.mark_best(kBest, "mean", 1);
}

// What a run does to its folder from where it stands until step `last`.
void go_on(const fs::path& folder, std::int64_t last) {
  RunFolder run(folder, Json{{"options", Json{{"rate", 1e-4}}}}, {.keep_last = 1});
  if (run.finished()) return;
  record_data(folder, {});
  const auto newest = run.newest();
  std::int64_t step = newest ? newest->step : 0;
  MetricsLog metrics(folder / kMetricsFile, step);
  // A run that validates does it again where its mark is missing.
  if (step == kBest && !run.best()) validate_best(run);
  while (step < last) {
    metrics.add({{"step", ++step}, {"loss", 1.0 / static_cast<double>(step)}});
    metrics.sync();
    save_step(run, step);
    if (step == kBest) validate_best(run);
  }
  if (last == kLast) run.mark_finished(last);
}

// What must be equal of a finished folder: texts of files, checksums of datasets.
std::map<std::string, std::string> content_of(const fs::path& folder) {
  std::map<std::string, std::string> out;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const fs::path path = entry.path();
    if (!entry.is_regular_file()) continue;
    std::string& text = out[path.lexically_relative(folder).string()];
    if (path.extension() == ".h5") {
      const Json facts = parse_json(inspect_json(path)).value_or(Json());
      text = facts["datasets"].dump();
    } else if (path.filename() != "DONE") {  // sizes of HDF5 files, which hold the time
      const MappedFile file(path);
      const auto bytes = file.bytes();
      text.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
  }
  return out;
}

class Sweep {
 public:
  explicit Sweep(fs::path folder) : folder_(std::move(folder)) {
    count_faults("", -1, 0, 0, 0);
    go_on(whole(), kFirst);
    fs::copy(whole(), run(), fs::copy_options::recursive);
    shim_.plan((run().string() + "/").c_str(), "any", -1, 0, 0, 0);
    go_on(run(), kLast);
    for (const char* kind : kAllKinds) calls_[kind] = shim_.count(kind);
    all_ = shim_.count("any");
    wanted_ = content_of(run());
    if (calls_["write"] < 10 || calls_["rename"] < 5 || calls_["fsync"] < 10)
      fail("few calls are seen");
  }

  int sweep() {
    const bool all = std::getenv("VEGA_SOAK") != nullptr;
    for (const char* kind : kAllKinds)
      for (long n = 1; n <= calls_[kind]; ++n)
        for (const bool stays : {false, true})
          if (all || stays == (n % 2 == 0)) fail_once(kind, n, stays ? ENOSPC : EIO, stays);
    for (long n = 1; n <= all_; n += all ? 1 : 2) kill_once(n);
    std::printf("%d faults, %d kills, %d failures\n", faults_, kills_, failures_);
    return failures_ == 0 ? 0 : 1;
  }

 private:
  fs::path whole() const { return folder_ / "whole"; }
  fs::path run() const { return folder_ / "run"; }

  void count_faults(const char* kind, long n, int error, int on, int signal) {
    shim_.plan((run().string() + "/").c_str(), kind, n, error, on, signal);
  }
  void no_faults() { shim_.plan("", "any", -1, 0, 0, 0); }

  void begin() {
    no_faults();
    fs::remove_all(run());
    fs::copy(whole(), run(), fs::copy_options::recursive);
  }

  void fail(const std::string& why) {
    std::printf("FAILED %s: %s\n", what_.c_str(), why.c_str());
    std::fflush(stdout);
    ++failures_;
  }

  void fail_once(const std::string& kind, long n, int error, bool stays) {
    begin();
    what_ = kind + " " + std::to_string(n) + (stays ? ", a full disk" : ", once");
    ++faults_;
    bool thrown = false;
    count_faults(kind.c_str(), n, error, stays ? 1 : 0, 0);
    try {
      go_on(run(), kLast);
    } catch (const OutputError& e) {
      thrown = true;
      const std::string text = e.what();
      if (text.find(run().string()) == text.npos) fail("the message names no path: " + text);
      if (text.find(std::strerror(error)) == text.npos) fail("the message has no reason: " + text);
    } catch (const std::exception& e) {
      thrown = true;
      fail(std::string("another error: ") + e.what());
    }
    // An old checkpoint that cannot be removed is a warning: it hurts nothing.
    const std::string at = shim_.path();
    const bool removal = kind == "unlink" || at.find(".removed.part-") != std::string::npos;
    if (!thrown && !removal) fail("no error at " + at);
    check();
  }

  void kill_once(long n) {
    begin();
    what_ = "killed before call " + std::to_string(n);
    ++kills_;
    const pid_t child = fork();
    if (child == 0) {
      count_faults("any", n, 0, 0, SIGKILL);
      go_on(run(), kLast);
      _exit(0);
    }
    int status = 0;
    if (waitpid(child, &status, 0) != child || !WIFSIGNALED(status)) fail("it was not killed");
    check();
  }

  // After a fault: what is there is whole, and a run that goes on ends like an undisturbed one.
  void check() {
    no_faults();
    const auto steps = complete_steps(run());
    if (steps.empty()) fail("no checkpoint is left");
    for (const StepFolder& step : steps)
      for (const char* name : {"model-0-of-1.h5", "optimizer-rank-0-of-1.h5"})
        for (const Fault& fault : verify(step.path / name)) fail(fault.what);
    try {
      go_on(run(), kLast);
      const auto got = content_of(run());
      for (const auto& [name, text] : wanted_)
        if (!got.contains(name) || got.at(name) != text) fail("another " + name);
      for (const auto& [name, text] : got)
        if (!wanted_.contains(name)) fail("left behind: " + name);
    } catch (const std::exception& e) {
      fail(std::string("the run does not go on: ") + e.what());
    }
  }

  Shim shim_;
  fs::path folder_;
  std::map<std::string, long> calls_;
  long all_ = 0;
  std::map<std::string, std::string> wanted_;
  std::string what_ = "no fault";
  int faults_ = 0, kills_ = 0, failures_ = 0;
};

}  // namespace

int main(int count, char** words) {
  if (count != 2) {
    std::fputs("usage: fault_run FOLDER\n", stderr);
    return 2;
  }
  return Sweep(fs::absolute(words[1])).sweep();
}
