// The bar: it never takes more columns than the terminal has.
#include "base/progress.h"

#include <pty.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

namespace vega {
namespace {

TEST_CASE("a text is cut to columns, between characters") {
  CHECK(fit_columns("plain", 9) == "plain");
  CHECK(fit_columns("plain", 5) == "plain");
  CHECK(fit_columns("plain", 4) == "plai");
  CHECK(fit_columns("plain", 0).empty());
  CHECK(fit_columns("█░é-", 4) == "█░é-");
  CHECK(fit_columns("█░é-", 3) == "█░é");
  CHECK(fit_columns("█░é-", 1) == "█");
}

std::size_t columns_of(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  return count;
}

TEST_CASE("a bar that is drawn over fits a narrow terminal, the last line is whole") {
  constexpr unsigned short kColumns = 40;
  const winsize size{.ws_row = 10, .ws_col = kColumns};
  int reader = -1, terminal = -1;
  REQUIRE(openpty(&reader, &terminal, nullptr, nullptr, &size) == 0);
  std::fflush(stderr);
  const int before = dup(STDERR_FILENO);
  dup2(terminal, STDERR_FILENO);
  {
    Progress progress("a label of many words", "frames of the scene", 3, ProgressMode::kAuto);
    std::this_thread::sleep_for(std::chrono::milliseconds(110));  // the pause between two drawings
    progress.add();
  }
  std::fflush(stderr);
  dup2(before, STDERR_FILENO);
  // What was written comes in pieces; the last line ends it.
  const std::string clear = "\r\033[2K";
  std::string text;
  char buffer[4096];
  while (text.find('\n') == std::string::npos) {
    const ssize_t got = read(reader, buffer, sizeof buffer);
    if (got <= 0) break;
    text.append(buffer, static_cast<std::size_t>(got));
  }
  for (const int fd : {before, terminal, reader}) close(fd);
  const auto first = text.find(clear), last = text.rfind(clear);
  REQUIRE(first == 0);
  REQUIRE(last > first);
  const auto drawn = text.substr(clear.size(), last - clear.size());
  CHECK(columns_of(drawn) == kColumns);
  CHECK(drawn.ends_with(" a label of many"));
  CHECK(text.substr(last).find("1/3 frames of the scene") != std::string::npos);
}

}  // namespace
}  // namespace vega
