#include "base/options.h"

#include <fmt/core.h>

#include <cmath>
#include <type_traits>

#include "base/error.h"
#include "base/text.h"

namespace vega {
namespace {

// "1 to 4096", "0 or more", "more than 0", "9 or less"; empty: no limit.
template <typename Range>
std::string words(Range range) {
  const Range all;
  const bool below = range.most != all.most;
  std::string least;
  if constexpr (std::is_same_v<Range, RealRange>) {
    if (range.above_least) least = fmt::format("more than {}", range.least);
  }
  if (range.least == all.least) return below ? fmt::format("{} or less", range.most) : "";
  if (!least.empty()) return below ? fmt::format("{}, {} or less", least, range.most) : least;
  return below ? fmt::format("{} to {}", range.least, range.most)
               : fmt::format("{} or more", range.least);
}

template <typename Range>
std::string with_range(std::string help, Range range) {
  const std::string text = words(range);
  return text.empty() ? help : help + " (" + text + ")";
}

[[noreturn]] void refuse_number(const std::string& option, const std::string& text,
                                const std::string& kind, const std::string& range) {
  throw UsageError(explain(option, "'" + text + "'", range.empty() ? kind : kind + ", " + range));
}

}  // namespace

void refuse_choice(const std::string& option, const std::string& text, const std::string& names) {
  throw UsageError(explain(option, "'" + text + "'", names));
}

std::vector<std::string> comma_parts(const std::string& text) {
  std::vector<std::string> out(1);
  for (const char c : text) {
    if (c == ',')
      out.emplace_back();
    else
      out.back() += c;
  }
  return out;
}

std::int64_t whole_number(const std::string& option, const std::string& text, WholeRange range) {
  const auto value = parse_whole(text);
  if (value && *value >= range.least && *value <= range.most) return *value;
  refuse_number(option, text, "a whole number", words(range));
}

double real_number(const std::string& option, const std::string& text, RealRange range) {
  const auto value = parse_double(text);
  const bool fits = value && std::isfinite(*value) && *value <= range.most &&
                    (range.above_least ? *value > range.least : *value >= range.least);
  if (fits) return *value;
  refuse_number(option, text, "a number", words(range));
}

void OptionVisitor::text(const char* name, std::string& value, const char* placeholder,
                         std::string help) {
  option({name, placeholder, std::move(help), value,
          [&value](const std::string& text) { value = text; }});
}

void OptionVisitor::texts(const char* name, std::vector<std::string>& values,
                          const char* placeholder, std::string help) {
  option({name, placeholder, std::move(help), "",
          [&values](const std::string& given) { values.push_back(given); }, true});
}

void OptionVisitor::integer(const char* name, std::int64_t& value, const char* placeholder,
                            WholeRange range, std::string help) {
  option({name, placeholder, with_range(std::move(help), range), std::to_string(value),
          [name, &value, range](const std::string& text) {
            value = whole_number(long_name(name), text, range);
          }});
}

void OptionVisitor::integer(const char* name, std::optional<std::int64_t>& value,
                            const char* placeholder, WholeRange range, std::string help) {
  option({name, std::string("auto|") + placeholder, with_range(std::move(help), range),
          value ? std::to_string(*value) : "auto", [name, &value, range](const std::string& text) {
            if (text == "auto")
              value.reset();
            else if (parse_whole(text))
              value = whole_number(long_name(name), text, range);
            else
              refuse_number(long_name(name), text, "auto or a whole number", words(range));
          }});
}

void OptionVisitor::real(const char* name, double& value, const char* placeholder, RealRange range,
                         std::string help) {
  option({name, placeholder, with_range(std::move(help), range), fmt::format("{}", value),
          [name, &value, range](const std::string& text) {
            value = real_number(long_name(name), text, range);
          }});
}

void OptionVisitor::open_integer(const char* name, std::optional<std::int64_t>& value,
                                 const char* placeholder, WholeRange range, std::string help) {
  option({name, placeholder, with_range(std::move(help), range), "",
          [name, &value, range](const std::string& text) {
            value = whole_number(long_name(name), text, range);
          }});
}

void OptionVisitor::open_real(const char* name, std::optional<double>& value,
                              const char* placeholder, RealRange range, std::string help) {
  option({name, placeholder, with_range(std::move(help), range), "",
          [name, &value, range](const std::string& text) {
            value = real_number(long_name(name), text, range);
          }});
}

}  // namespace vega
