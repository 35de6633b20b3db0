// Options of the benchmarks: pairs of a name and a value.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace vega::bench {

class Arguments {
 public:
  explicit Arguments(std::string program) : program_(std::move(program)) {}

  // Calls take(name, value) for every pair; it returns false for a name it does not know. Returns
  // false at --help or -h. Throws UsageError.
  bool each(
      int argc, char** argv,
      const std::function<bool(const std::string& name, const std::string& value)>& take) const;

  // Throw UsageError: where, got, expected, remedy.
  [[noreturn]] void refuse(const std::string& option, const std::string& got,
                           const std::string& takes) const;
  std::int64_t whole(const std::string& option, const std::string& text, std::int64_t low,
                     std::int64_t high) const;
  double real(const std::string& option, const std::string& text) const;
  // whole() into `to`; true.
  bool take(const std::string& option, const std::string& text, std::int64_t low, std::int64_t high,
            std::int64_t& to) const;

 private:
  std::string program_;
};

}  // namespace vega::bench
