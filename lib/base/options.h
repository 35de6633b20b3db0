// An option is declared once: a room's options struct shows its fields to a visitor, which parses,
// prints or logs them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vega {

// `name` is the long option ("--view"); `help` states unit and range. The value on entry is the
// default.
class OptionVisitor {
 public:
  virtual ~OptionVisitor() = default;
  virtual void group(const char* title) = 0;
  virtual void text(const char* name, std::string& value, const char* placeholder,
                    const char* help) = 0;
  virtual void integer(const char* name, std::int64_t& value, const char* placeholder,
                       const char* help) = 0;
  virtual void real(const char* name, double& value, const char* placeholder, const char* help) = 0;
  virtual void flag(const char* name, bool& value, const char* help) = 0;
  // Positional arguments.
  virtual void inputs(std::vector<std::string>& values, const char* placeholder,
                      const char* help) = 0;
};

}  // namespace vega
