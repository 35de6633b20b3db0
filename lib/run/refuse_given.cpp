#include "run/refuse_given.h"

#include "base/error.h"

namespace vega {

void refuse_given(std::initializer_list<std::pair<bool, const char*>> options,
                  const std::string& got, const std::string& expected) {
  for (const auto& [is_given, name] : options)
    if (is_given) throw UsageError(explain(name, got, expected, "leave the option out"));
}

}  // namespace vega
