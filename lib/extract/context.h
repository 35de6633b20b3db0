// What a room is given by its door, and what it gives back.
#pragma once

#include <functional>
#include <string>

#include "base/progress.h"

namespace vega::extract {

struct Context {
  ProgressMode progress = ProgressMode::kAuto;
  // Prints one line of the manifest on stdout, flushed.
  std::function<void(const std::string& key, const std::string& path)> manifest;
  // Prints an answer on stdout, flushed.
  std::function<void(const std::string& text)> print = {};
};

struct Report {
  int done = 0, skipped = 0, failed = 0;
  int exit_code = 0;
};

}  // namespace vega::extract
