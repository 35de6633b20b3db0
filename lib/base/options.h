// An option is declared once: an options struct shows each field to a visitor, with its default,
// its help and what it may be. The visitor parses, prints or logs it. Values that are no choice of
// the table or lie outside the range are a UsageError as soon as they are read.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/choice.h"

namespace vega {

// Both ends are included. The help shows a range that has an end.
struct WholeRange {
  std::int64_t least = std::numeric_limits<std::int64_t>::min();
  std::int64_t most = std::numeric_limits<std::int64_t>::max();
};
struct RealRange {
  double least = -std::numeric_limits<double>::infinity();
  double most = std::numeric_limits<double>::infinity();
  bool above_least = false;  // the least value itself is out
};

// An option with a value.
struct OptionSpec {
  std::string name;                                  // "--view", or "-o,--out" with a short name
  std::string placeholder;                           // "WxH", "reference|fixed"
  std::string help;                                  // states the unit
  std::string standard;                              // the default; empty: none is shown
  std::function<void(const std::string& text)> set;  // parses; throws UsageError
  bool repeated = false;  // may be given several times: set is called each time
};

// `name` and `help` as in OptionSpec. The value on entry is the default.
class OptionVisitor {
 public:
  virtual ~OptionVisitor() = default;
  virtual void group(const char* title) = 0;
  virtual void option(const OptionSpec& spec) = 0;
  virtual void flag(const char* name, bool& value, const char* help) = 0;
  // Positional arguments.
  virtual void inputs(std::vector<std::string>& values, const char* placeholder,
                      const char* help) = 0;

  void text(const char* name, std::string& value, const char* placeholder, std::string help);
  // May be given several times, in order.
  void texts(const char* name, std::vector<std::string>& values, const char* placeholder,
             std::string help);
  void integer(const char* name, std::int64_t& value, const char* placeholder, WholeRange range,
               std::string help);
  // "auto" or a number; unset: auto.
  void integer(const char* name, std::optional<std::int64_t>& value, const char* placeholder,
               WholeRange range, std::string help);
  void real(const char* name, double& value, const char* placeholder, RealRange range,
            std::string help);
  // Options without a default of their own: other options or a file decide when they are not given.
  void open_integer(const char* name, std::optional<std::int64_t>& value, const char* placeholder,
                    WholeRange range, std::string help);
  void open_real(const char* name, std::optional<double>& value, const char* placeholder,
                 RealRange range, std::string help);

  // One name of a table.
  template <typename T>
  void choice(const char* name, T& value, std::type_identity_t<std::span<const Choice<T>>> table,
              const std::string& help) {
    option({name, listed(table, "|"), with_notes(help, table), std::string(name_in(table, value)),
            [name, &value, table](const std::string& text) {
              value = choice_of(table, long_name(name), text);
            }});
  }
  // The same without a default of its own: what is not given, or an empty text, is decided by other
  // options.
  template <typename T>
  void choice(const char* name, std::optional<T>& value,
              std::type_identity_t<std::span<const Choice<T>>> table, const std::string& help) {
    option({name, listed(table, "|"), with_notes(help, table),
            value ? std::string(name_in(table, *value)) : "",
            [name, &value, table](const std::string& text) {
              value.reset();
              if (!text.empty()) value = choice_of(table, long_name(name), text);
            }});
  }
  // Several names of a table, each once, separated by commas.
  template <typename T>
  void choices(const char* name, std::vector<T>& values,
               std::type_identity_t<std::span<const Choice<T>>> table, const std::string& help) {
    std::string standard;
    for (const T& value : values)
      standard += (standard.empty() ? "" : ",") + std::string(name_in(table, value));
    option({name, listed(table, ","), with_notes(help, table), standard,
            [name, &values, table](const std::string& text) {
              values = choices_of(table, long_name(name), text);
            }});
  }

  // A text of a form of its own: parse(option, text) throws UsageError. Without a default an empty
  // text means that the option is not given.
  template <typename T, typename Parse>
  void parsed(const char* name, T& value, const char* placeholder, const std::string& standard,
              Parse parse, const std::string& help) {
    const bool may_lack = standard.empty();
    option({name, placeholder, help, standard,
            [name, &value, parse, may_lack](const std::string& text) {
              if (text.empty() && may_lack)
                value = T{};
              else
                value = parse(long_name(name), text);
            }});
  }

 protected:
  // "--out" of "-o,--out".
  static std::string long_name(const std::string& name) { return name.substr(name.rfind(',') + 1); }
};

// A decimal number inside a range. Throws UsageError naming the option.
std::int64_t whole_number(const std::string& option, const std::string& text, WholeRange range);
double real_number(const std::string& option, const std::string& text, RealRange range);

}  // namespace vega
