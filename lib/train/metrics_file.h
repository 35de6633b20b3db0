// What a run noted of its steps and validations, read back for plots: metrics.jsonl and
// validation.jsonl of its folder (docs/formats.md).
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"

namespace vega::train {

inline constexpr auto kMetricsFile = "metrics.jsonl";
inline constexpr auto kValidationFile = "validation.jsonl";

// The numbers of one step. NaN: the line does not state it.
struct StepMetrics {
  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  std::int64_t step = 0;
  double loss = kNone, grad_norm = kNone;
  double gate = kNone;                      // mean weight of the semantic stream, 0 to 1
  double tokens = kNone, seconds = kNone;   // of the step
  double frames = kNone;                    // of the step, of a generator
  double memory = kNone;                    // bytes, the peak
  std::map<std::string, double> task_loss;  // of the tasks of this step
  std::map<std::string, double> loss_by;    // of a generator: by noise and by kind of step
  std::map<std::string, double> rate;       // by part
};

// A score of a validation, in percent (CIDEr: to 1000).
struct ValidationScore {
  std::int64_t step = 0;
  std::string task, metric;
  double value = StepMetrics::kNone, low = StepMetrics::kNone, high = StepMetrics::kNone;
};

// The lines of a file of JSON Lines whose objects have a whole number "step", in the order of
// steps. A line ends the validity of all lines before it whose step is not smaller: a run that goes
// on from a checkpoint does those steps once more. A torn last line is passed over; another line
// that is no such object, too, with a warning. Throws InputError (cannot be opened), FormatError
// (no good line).
std::vector<Json> read_step_lines(const std::filesystem::path& path);

std::vector<StepMetrics> read_metrics(const std::filesystem::path& path);

// The main metric of each task at each validation; nothing where there is no such file.
std::vector<ValidationScore> read_validation_scores(const std::filesystem::path& path);

}  // namespace vega::train
