// Progress of long work on stderr: a bar with rate and ETA on a terminal, plain lines otherwise.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "base/choice.h"

namespace vega {

enum class ProgressMode { kAuto, kBar, kLines, kOff };

inline constexpr Choice<ProgressMode> kProgressModes[] = {
    {ProgressMode::kAuto, "auto", "a bar on a terminal, else lines"},
    {ProgressMode::kBar, "bar"},
    {ProgressMode::kLines, "lines"},
    {ProgressMode::kOff, "off"}};

// The front of a UTF-8 text that takes at most `columns` columns, one a character.
std::string_view fit_columns(std::string_view text, std::size_t columns);

// One run of `total` steps. Thread-safe; at most one lives at a time. The bar redraws ten times a
// second at most and is cut to the terminal's width (a line that wraps could not be cleared); lines
// come every ten seconds and at the end.
class Progress {
 public:
  Progress(std::string label, std::string unit, std::int64_t total, ProgressMode mode);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void add(std::int64_t steps = 1);
  void label(std::string text);  // what is being worked on now

 private:
  friend class ProgressPause;
  void draw(bool last);
  std::string line() const;

  std::string label_, unit_;
  std::int64_t total_, done_ = 0;
  ProgressMode mode_;
  std::chrono::steady_clock::time_point start_, drawn_;
  bool visible_ = false;
};

// Clears the bar while something else is written to stderr, and draws it again afterwards.
class ProgressPause {
 public:
  ProgressPause();
  ~ProgressPause();
  ProgressPause(const ProgressPause&) = delete;
  ProgressPause& operator=(const ProgressPause&) = delete;

 private:
  std::unique_lock<std::recursive_mutex> lock_;
};

}  // namespace vega
