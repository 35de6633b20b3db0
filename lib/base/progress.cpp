#include "base/progress.h"

#include <fmt/core.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/clock.h"

namespace vega {
namespace {

// Both are leaked on purpose: log lines may come until the very end of the process.
std::recursive_mutex& stderr_mutex() {
  static auto* mutex = new std::recursive_mutex;
  return *mutex;
}
Progress*& active() {
  static Progress* instance = nullptr;
  return instance;
}

std::string clock_text(double seconds) {
  const auto s = static_cast<long>(seconds + 0.5);
  return s >= 3600 ? fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
                   : fmt::format("{}:{:02}", s / 60, s % 60);
}

// Of the terminal on stderr; 0 when there is none or it does not say.
std::size_t terminal_columns() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

}  // namespace

std::string_view fit_columns(std::string_view text, std::size_t columns) {
  for (std::size_t i = 0, used = 0; i < text.size(); ++i) {
    const bool first_byte = (static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U;
    if (first_byte && used++ == columns) return text.substr(0, i);
  }
  return text;
}

Progress::Progress(std::string label, std::string unit, std::int64_t total, ProgressMode mode)
    : label_(std::move(label)),
      unit_(std::move(unit)),
      total_(total),
      mode_(mode),
      start_(Clock::now()),
      drawn_(start_) {
  if (mode_ == ProgressMode::kAuto)
    mode_ = isatty(STDERR_FILENO) == 1 ? ProgressMode::kBar : ProgressMode::kLines;
  const std::lock_guard lock(stderr_mutex());
  active() = this;
}

Progress::~Progress() {
  const std::lock_guard lock(stderr_mutex());
  draw(true);
  active() = nullptr;
}

void Progress::add(std::int64_t steps) {
  const std::lock_guard lock(stderr_mutex());
  done_ += steps;
  const auto pause = std::chrono::milliseconds(mode_ == ProgressMode::kBar ? 100 : 10000);
  if (Clock::now() - drawn_ >= pause) draw(false);
}

void Progress::label(std::string text) {
  const std::lock_guard lock(stderr_mutex());
  label_ = std::move(text);
}

std::string Progress::line() const {
  const double seconds = seconds_since(start_);
  const double rate = seconds > 0 ? static_cast<double>(done_) / seconds : 0;
  std::string text = fmt::format("{} {}/{} {}", label_, done_, total_, unit_);
  if (rate > 0)
    text += rate >= 1 ? fmt::format("  {:.1f}/s", rate) : fmt::format("  {:.1f} s each", 1 / rate);
  if (done_ >= total_) return text + "  in " + clock_text(seconds);
  if (rate > 0) text += "  ETA " + clock_text(static_cast<double>(total_ - done_) / rate);
  return text;
}

void Progress::draw(bool last) {
  drawn_ = Clock::now();
  if (mode_ == ProgressMode::kOff || (last && done_ == 0)) return;
  if (mode_ == ProgressMode::kLines) {
    std::fputs((line() + "\n").c_str(), stderr);
    return;
  }
  constexpr int kWidth = 24;
  const auto filled =
      total_ > 0 ? static_cast<int>(std::min(done_, total_) * kWidth / total_) : kWidth;
  std::string bar;
  for (int i = 0; i < kWidth; ++i) bar += i < filled ? "█" : "░";
  const std::string text = bar + " " + line();
  // The last line stays as it is and may wrap; the others must fit to be drawn over.
  const std::size_t columns = last ? 0 : terminal_columns();
  std::fputs(fmt::format("\r\033[2K{}{}", columns > 0 ? fit_columns(text, columns) : text,
                         last ? "\n" : "")
                 .c_str(),
             stderr);
  std::fflush(stderr);
  visible_ = !last;
}

ProgressPause::ProgressPause() : lock_(stderr_mutex()) {
  if (auto* bar = active(); bar != nullptr && bar->visible_) std::fputs("\r\033[2K", stderr);
}

ProgressPause::~ProgressPause() {
  if (auto* bar = active(); bar != nullptr && bar->visible_) bar->draw(false);
}

}  // namespace vega
