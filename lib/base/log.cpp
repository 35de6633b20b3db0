#include "base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include "base/printable.h"
#include "base/progress.h"

namespace vega {
namespace {

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return spdlog::level::debug;
    case LogLevel::kInfo: return spdlog::level::info;
    case LogLevel::kWarn: return spdlog::level::warn;
    case LogLevel::kError: return spdlog::level::err;
    case LogLevel::kOff: break;
  }
  return spdlog::level::off;
}

spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> instance = [] {
    auto made = spdlog::stderr_color_mt("vega");
    made->set_pattern("%H:%M:%S %n %^%l%$: %v");
    made->flush_on(spdlog::level::trace);
    return made;
  }();
  return *instance;
}

std::shared_ptr<spdlog::logger>& named() {
  static std::shared_ptr<spdlog::logger> instance;
  return instance;
}

}  // namespace

void start_log(std::string_view program, LogLevel level) {
  named() = logger().clone(std::string(program));
  named()->set_level(level_of(level));
}

void log_line(LogLevel level, std::string_view text) {
  const ProgressPause pause;  // a bar on the terminal steps aside
  (named() ? *named() : logger()).log(level_of(level), visible(text));
}

}  // namespace vega
