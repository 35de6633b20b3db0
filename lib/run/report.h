// What became of the items of a run, as JSON ("vega.report/1", docs/formats.md).
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "run/findings.h"
#include "run/forecast.h"
#include "run/items.h"

namespace vega {

enum class Outcome {
  kNotStarted,  // also of a dry run: the output would be made
  kWritten,
  kTapsAdded,
  kComplete,
  kFailed  // of a dry run: the output could not be made
};
// "not started", "written", "taps added", "complete already", "failed".
std::string_view name_of(Outcome outcome);

// One item. Times in seconds; they overlap with those of its neighbours.
struct ItemReport {
  std::string key, input, output;
  Outcome outcome = Outcome::kNotStarted;
  std::string error;
  double prepare_s = 0, compute_s = 0, finish_s = 0;
  std::map<std::string, double> numbers;     // frames, passes, ...
  std::map<std::string, std::string> notes;  // what else there is to say
  std::vector<Finding> findings;
  std::optional<Forecast> forecast;  // of a dry run
  std::string details;               // a JSON object whose members join the item's; may be empty
};

// What a verb says about its run as a whole.
struct RunNotes {
  std::vector<Finding> findings;
  std::optional<Forecast> forecast;  // of a dry run
  std::string details;               // a JSON object whose members join the report's; may be empty
};

// The report of a run. With a path it is a file from the start on (state "running"), is written
// again every minute at most, and at the end; a stream (base/publish.h) gets it at the end alone.
// Without a path it only counts. Thread-safe.
class RunReport {
 public:
  // Throws OutputError when the file cannot be written, UsageError where a file of another kind has
  // its name (run/output_names.h).
  RunReport(std::filesystem::path path, const std::vector<Item>& items, bool dry_run = false);

  void set(std::size_t item, ItemReport report);
  // Time in which the computing half had nothing to compute, and time for loading a model.
  void add_wait(double seconds);
  void add_load(double seconds);

  double wait_s() const;
  double wall_s() const;  // since construction, loading left out

  void note(RunNotes notes);

  // state "finished" or "stopped"; error: what ended the run, or empty.
  void finish(int exit_code, const std::string& error = {});

 private:
  std::string text(const std::string& state, int exit_code, const std::string& error) const;
  void save(const std::string& state, int exit_code, const std::string& error);

  mutable std::mutex mutex_;
  std::filesystem::path path_;
  bool stream_ = false;
  std::vector<ItemReport> items_;
  RunNotes notes_;
  bool dry_run_;
  std::string started_;
  Clock::time_point start_ = Clock::now(), saved_;
  double wait_s_ = 0, load_s_ = 0;
};

}  // namespace vega
