// What a verb is given by its program's door.
#pragma once

#include <functional>
#include <string>

#include "base/progress.h"

namespace vega {

struct Context {
  ProgressMode progress = ProgressMode::kAuto;
  // Prints one line of the manifest on stdout, flushed. Throws OutputError.
  std::function<void(const std::string& key, const std::string& path)> manifest;
  // Prints an answer on stdout, flushed. Throws OutputError.
  std::function<void(const std::string& text)> print;
};

}  // namespace vega
