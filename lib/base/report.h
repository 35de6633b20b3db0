// What became of the items of a run, as JSON ("vega.report/1", docs/formats.md).
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/items.h"

namespace vega {

// One item. Times in seconds; they overlap with those of its neighbours.
struct ItemReport {
  std::string key, input, output;
  std::string outcome = "not started";  // written, taps added, complete, failed, not started
  std::string error;
  double prepare_s = 0, compute_s = 0, finish_s = 0;
  std::map<std::string, double> numbers;     // frames, passes, ...
  std::map<std::string, std::string> notes;  // what else there is to say
};

// The report of a run. With a path it is a file from the start on (state "running"), is written
// again every minute at most, and at the end; a stream (base/publish.h) gets it at the end alone.
// Without a path it only counts. Thread-safe.
class RunReport {
 public:
  // Throws OutputError when the file cannot be written.
  RunReport(std::filesystem::path path, const std::vector<Item>& items);

  void set(std::size_t item, ItemReport report);
  // Time in which the computing half had nothing to compute, and time for loading a model.
  void add_wait(double seconds);
  void add_load(double seconds);

  double wait_s() const;
  double wall_s() const;  // since construction, loading left out
  std::size_t count(const std::string& outcome) const;

  // state "finished" or "stopped"; error: what ended the run, or empty.
  void finish(int exit_code, const std::string& error = {});

 private:
  std::string text(const std::string& state, int exit_code, const std::string& error) const;
  void save(const std::string& state, int exit_code, const std::string& error);

  mutable std::mutex mutex_;
  std::filesystem::path path_;
  bool stream_ = false;
  std::vector<ItemReport> items_;
  std::string started_;
  std::chrono::steady_clock::time_point start_, saved_;
  double wait_s_ = 0, load_s_ = 0;
};

}  // namespace vega
