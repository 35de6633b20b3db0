// Validation during training: questions are answered by the model as it is, and scored by the
// scorer of `vega-eval score`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/options.h"
#include "tasks/sample.h"
#include "tasks/scored.h"
#include "tasks/vsi.h"
#include "train/validate_files.h"

namespace vega::train {

struct ValidationOptions {
  std::vector<std::string> files;  // processed questions: FILE, or TASK=FILE
  std::int64_t every = 500;        // steps
  std::int64_t count = 0;          // questions of each file, evenly spread; 0: all
  std::string best;                // "scanrefer:Acc@0.5", "mean"; empty: of the first file
  // Of a model that is shown pictures: the folder of the videos that are asked about, and how many
  // frames of each are shown.
  std::string videos;
  std::int64_t frames = tasks::kVsiFrames;

  void visit(OptionVisitor& v);
};

// A number that says which step is best: the larger, the better.
struct BestMetric {
  std::string task, metric;  // "scanrefer", "Acc@0.5"; task empty: the mean of all tasks' own
  std::string name() const;  // "scanrefer:Acc@0.5", "mean"
};

// The metric that stands for a task: Acc@0.5, F1@0.5, CIDEr, EM, EM, accuracy; of VSI-Bench
// average.
std::string_view main_metric(tasks::Task task);

struct ValidationResult {
  std::int64_t step = 0, questions = 0;
  std::string metric;                                       // BestMetric::name
  double value = std::numeric_limits<double>::quiet_NaN();  // percent; NaN: there is none
  bool best = false;                                        // larger than at every earlier step
  double seconds = 0;
  std::string text;  // for the log: "scanrefer Acc@0.5 41.20 (n 100), scanqa EM 20.00 (n 50)"
};

// The official lines of one file's questions, in their order (train/validate_scenes.h,
// train/validate_pictures.h). Throws as Validation::run.
using AnswerSet = std::function<std::vector<Json>(std::span<const tasks::Sample> samples)>;

// Questions of the same scene, by its key, or about the same video, by DATASET/SCENE, in their
// order. A missed object (no_proposal) is none of them: its line is that of the empty caption.
std::map<std::string, std::vector<std::size_t>> places_by_scene(
    std::span<const tasks::Sample> samples, const std::string& model_id, std::vector<Json>& lines);

class Validation {
 public:
  // Reads the questions. score: the scorer, which another room lends (tasks/scored.h). Throws
  // UsageError (a task or a metric that is none), InputError, FormatError.
  Validation(const ValidationOptions& options, tasks::ReadScored score,
             const AskedTasks& asked = {});

  const ValidationOptions& options() const { return options_; }

  // Scenes by their keys, videos by DATASET/SCENE, in the order of their first questions: files of
  // these must be there.
  const std::vector<std::string>& scenes() const { return scenes_; }
  bool needs_objects() const;  // some of the tasks choose among objects
  std::size_t question_count() const;

  // Every `every` steps, and at the last one.
  bool is_due(std::int64_t step, std::int64_t last) const;
  // Whether validation.jsonl of the run has this step: a run that goes on does not ask again.
  bool is_done(const std::filesystem::path& run, std::int64_t step) const;

  // The last line of validation.jsonl of the run that was the best of its time; nothing where there
  // is none. A run that was killed right behind that line marks it when it goes on.
  std::optional<ValidationResult> best_so_far(const std::filesystem::path& run) const;

  // Answers all questions and scores them. answer: the model as it is, let go before the scores
  // are noted. Writes RUN/validation/step-00000100/TASK.jsonl (official lines), then the scores as
  // a line of RUN/validation.jsonl, which loses lines of later steps. Throws Stopped (nothing is
  // noted then), InputError (a question that cannot be answered, with its id; scoring),
  // OutputError, DeviceError.
  ValidationResult run(const AnswerSet& answer, std::int64_t step,
                       const std::filesystem::path& run) const;

 private:
  struct Set {  // one file
    tasks::Task task{};
    std::filesystem::path path;
    std::vector<tasks::Sample> samples;
    std::string name() const;  // of its task
  };
  Json scored(const Set& set, const std::filesystem::path& answers) const;

  ValidationOptions options_;
  tasks::ReadScored score_;
  BestMetric best_;
  std::vector<Set> sets_;
  std::vector<std::string> scenes_;
};

}  // namespace vega::train
