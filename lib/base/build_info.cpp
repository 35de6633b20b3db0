#include "base/build_info.h"

#include <commit.h>  // VEGA_COMMIT: written by the build (cmake/Commit.cmake)
#include <unistd.h>

#include <array>
#include <ctime>

namespace vega {
namespace {

std::string& stored_command() {
  static std::string text;
  return text;
}

std::string quoted(const std::string& word) {
  constexpr auto kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=+:,./@%";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string out = "'";
  for (const char ch : word) out += ch == '\'' ? std::string("'\\''") : std::string(1, ch);
  return out + "'";
}

}  // namespace

const char* release() { return VEGA_VERSION; }

const char* version() { return VEGA_VERSION VEGA_COMMIT; }

std::string build_line() {
  return std::string(version()) + " (gcc " __VERSION__ ", " VEGA_BUILD_TYPE ", CUDA half " +
         (VEGA_WITH_CUDA ? "built)" : "not built)");
}

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "localhost";
  return name.data();
}

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text.data();
}

void set_command_line(int argc, char** argv) {
  std::string text;
  for (int i = 0; i < argc; ++i) text += (i ? " " : "") + quoted(argv[i]);
  stored_command() = text;
}

const std::string& command_line() { return stored_command(); }

}  // namespace vega
