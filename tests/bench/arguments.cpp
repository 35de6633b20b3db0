#include "bench/arguments.h"

#include <charconv>

#include "base/error.h"

namespace vega::bench {
namespace {

template <typename Number>
bool read(const std::string& text, Number& value) {
  const char* end = text.data() + text.size();
  const auto [at, code] = std::from_chars(text.data(), end, value);
  return code == std::errc() && at == end;
}

}  // namespace

void Arguments::refuse(const std::string& option, const std::string& got,
                       const std::string& takes) const {
  throw UsageError(explain(option, got, takes, "see " + program_ + " --help"));
}

bool Arguments::each(
    int argc, char** argv,
    const std::function<bool(const std::string& name, const std::string& value)>& take) const {
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--help" || name == "-h") return false;
    if (i + 1 >= argc) refuse(name, "nothing after it", "an option and its value");
    if (!take(name, argv[++i])) refuse(name, "no such option", "an option of " + program_);
  }
  return true;
}

std::int64_t Arguments::whole(const std::string& option, const std::string& text, std::int64_t low,
                              std::int64_t high) const {
  std::int64_t value = 0;
  if (!read(text, value) || value < low || value > high)
    refuse(option, "'" + text + "'",
           "a whole number, " + std::to_string(low) + " to " + std::to_string(high));
  return value;
}

bool Arguments::take(const std::string& option, const std::string& text, std::int64_t low,
                     std::int64_t high, std::int64_t& to) const {
  to = whole(option, text, low, high);
  return true;
}

double Arguments::real(const std::string& option, const std::string& text) const {
  double value = 0;
  if (!read(text, value)) refuse(option, "'" + text + "'", "a number");
  return value;
}

}  // namespace vega::bench
