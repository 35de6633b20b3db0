// The folder of a run of training: run.json says which run it is, step-*/ are its checkpoints. The
// folder belongs to one run and to one process at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "base/json.h"
#include "store/step_folder.h"
#include "weights/tensor_set.h"

namespace vega::train {

class PartFolder;

// What a checkpoint holds. Views must live during the call.
struct StepContent {
  std::map<std::string, TensorView> model;      // what is trained, float32, by official name
  std::map<std::string, TensorView> optimizer;  // by names of the optimiser's choice
  std::map<std::string, TensorView> ema;  // running means of the model's; empty: there are none
  Json state = Json::object();            // sampler, counters, base, lora; see docs/formats.md
  std::string config;                     // text of config.json; empty: there is none
  // Files that are copied under their own names: tokenizer.json, generation_config.json. Those that
  // are not there are passed over.
  std::vector<std::filesystem::path> copies;
};

struct RunFolderOptions {
  std::int64_t keep_last = 2;  // newest checkpoints that stay, at least 1; the best stays as well
  bool overwrite = false;  // another run's checkpoints, and those of this one, are removed first
  // What a refusal says beside the values that differ: which files, a line each.
  std::vector<std::string> details = {};
};

class RunFolder {
 public:
  // Makes the folder or opens it. `run` identifies the run: an object of whatever changes its
  // numbers (options, fingerprints of data and base; how many epochs). Torn steps and what dead
  // writers left are removed. Throws RefusedError: the folder belongs to another run (each value
  // that differs is named), or another process is writing it; OutputError.
  RunFolder(std::filesystem::path folder, Json run, RunFolderOptions options = {});
  ~RunFolder();
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;

  const std::filesystem::path& path() const;
  const std::string& identity() const;  // XXH3-128 of `run`

  std::vector<StepFolder> steps() const;  // complete ones, by step
  std::optional<StepFolder> newest() const;
  Json state(const StepFolder& step) const;  // state.json
  // "model", "optimizer" or "ema" of a step. Throws FormatError (damaged).
  TensorSet read_tensors(const StepFolder& step, const std::string& content) const;

  // A checkpoint that is being written, beside its final name. Unless publish() was called, the
  // destructor removes it. All throw OutputError.
  class Draft {
   public:
    Draft(RunFolder& run, std::int64_t step);
    ~Draft();
    Draft(const Draft&) = delete;
    Draft& operator=(const Draft&) = delete;

    const std::filesystem::path& path() const;
    // All but the optimiser's tensors. model_parts: files that the model's tensors are in, of which
    // this is the first.
    void write(const StepContent& content, int model_parts = 1);
    StepFolder publish();  // with DONE, whole and synced

   private:
    RunFolder& run_;
    StepFolder final_;
    std::unique_ptr<PartFolder> part_;
  };
  // Null: that step is there and complete. It is kept: the same run has the same values.
  std::unique_ptr<Draft> draft(std::int64_t step);

  // Saves a checkpoint: it is there whole and synced, or not at all. Then the oldest go that
  // neither `keep_last` nor the best asks for. `schema`, `step`, `identity` and `run` are put into
  // the state. Throws OutputError: all older checkpoints stay, nothing half-written does.
  StepFolder save(std::int64_t step, const StepContent& content);

  // Which checkpoint validated best (best.json). The checkpoint must be there. The value is for
  // people.
  void mark_best(std::int64_t step, const std::string& metric, double value);
  struct Best {
    std::int64_t step = 0;
    std::string metric;
    double value = 0;
  };
  std::optional<Best> best() const;

  // The run has done all its steps (finished.json): the same command again changes nothing.
  void mark_finished(std::int64_t step);
  std::optional<std::int64_t> finished() const;  // its last step

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Which part of a checkpoint's tensors a rank writes.
struct StepPart {
  int rank = 0, ranks = 1;
  std::string model() const;      // "model-1-of-4.h5"
  std::string optimizer() const;  // "optimizer-rank-1-of-4.h5"
};
// Write it into the folder of a draft, from any rank. run: the identity of the run. Throw
// OutputError.
void write_model_part(const std::filesystem::path& draft, const StepPart& part, std::int64_t step,
                      const std::string& run, const std::map<std::string, TensorView>& tensors);
void write_optimizer_part(const std::filesystem::path& draft, const StepPart& part,
                          std::int64_t step, const std::string& run,
                          const std::map<std::string, TensorView>& tensors);

// Warns where a run goes on with other settings that may change the last bits, such as threads,
// than those in `computed_with` of the checkpoint's state.
void warn_of_other_bits(const RunFolder& folder, const StepFolder& step, const Json& computed_with);

}  // namespace vega::train
