// Log lines on stderr, never on stdout (which carries manifests). spdlog behind a narrow door.
#pragma once

#include <fmt/core.h>

#include <string>
#include <string_view>

#include "base/choice.h"

namespace vega {

enum class LogLevel { kDebug, kInfo, kWarn, kError, kOff };

inline constexpr Choice<LogLevel> kLogLevels[] = {{LogLevel::kDebug, "debug"},
                                                  {LogLevel::kInfo, "info"},
                                                  {LogLevel::kWarn, "warn"},
                                                  {LogLevel::kError, "error"},
                                                  {LogLevel::kOff, "off"}};

// Name that stands in front of each line, and the least level shown. Call once, early; defaults:
// "vega", info.
void start_log(std::string_view program, LogLevel level);

void log_line(LogLevel level, std::string_view text);

template <typename... Args>
void log_debug(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::kDebug, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::kInfo, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void log_warn(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::kWarn, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void log_error(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::kError, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace vega
