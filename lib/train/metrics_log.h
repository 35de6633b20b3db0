// metrics.jsonl of a run: one line a step. Layout: docs/formats.md.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/json.h"

namespace vega::train {

// Lines are appended whole, by one system call each.
class MetricsLog {
 public:
  // Opens the file of a run that has done `steps` steps: lines of later ones, which a run wrote
  // after its last checkpoint, and a torn last line are cut off. Throws OutputError.
  MetricsLog(std::filesystem::path path, std::int64_t steps);
  ~MetricsLog();
  MetricsLog(const MetricsLog&) = delete;
  MetricsLog& operator=(const MetricsLog&) = delete;

  void add(const Json& line);  // throws OutputError; a line that does not fit is not left torn
  void sync();                 // to disk

 private:
  std::filesystem::path path_;
  int file_ = -1;
};

}  // namespace vega::train
