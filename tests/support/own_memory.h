// A test's own memory of fingerprints, not the user's.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

namespace vega::test {

// XDG_CACHE_HOME is `folder` while this object lives.
class OwnMemory {
 public:
  explicit OwnMemory(const std::filesystem::path& folder) {
    if (const char* now = std::getenv("XDG_CACHE_HOME")) before_ = now;
    setenv("XDG_CACHE_HOME", folder.c_str(), 1);
  }
  ~OwnMemory() {
    if (before_)
      setenv("XDG_CACHE_HOME", before_->c_str(), 1);
    else
      unsetenv("XDG_CACHE_HOME");
  }
  OwnMemory(const OwnMemory&) = delete;
  OwnMemory& operator=(const OwnMemory&) = delete;

 private:
  std::optional<std::string> before_;
};

}  // namespace vega::test
