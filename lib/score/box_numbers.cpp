#include "score/box_numbers.h"

#include <cmath>
#include <cstddef>

#include "base/error.h"
#include "base/text.h"

namespace vega::score {

metrics::BoxNumbers box_of(const Json& value, const std::string& where) {
  const auto refuse = [&](const std::string& got, const std::string& expected) {
    throw FormatError(explain(where, got, expected));
  };
  constexpr const char* kBox = "six numbers: centre and full extents, metres";
  if (!value.is_list() || (value.size() != 6 && value.size() != 9)) refuse(shown(value), kBox);
  metrics::BoxNumbers out{};
  for (std::size_t i = 0; i < value.size(); ++i) {
    const auto number = value[i].number();
    if (!number || !std::isfinite(*number)) refuse(shown(value), kBox);
    if (i < 6) {
      out[i] = *number;
      if (i >= 3 && *number < 0)
        refuse("extent " + std::to_string(i - 3) + " is " + shown(value[i]), "extents from 0 on");
    } else if (*number != 0) {
      refuse("angle " + std::to_string(i - 6) + " is " + shown(value[i]),
             "zero: boxes of this task are axis-aligned");
    }
  }
  return out;
}

std::vector<metrics::BoxNumbers> boxes_of(const Json& value, const std::string& where) {
  if (!value.is_list()) throw FormatError(explain(where, shown(value), "a list of boxes"));
  std::vector<metrics::BoxNumbers> out;
  for (std::size_t i = 0; i < value.size(); ++i)
    out.push_back(box_of(value[i], where + "[" + std::to_string(i) + "]"));
  return out;
}

}  // namespace vega::score
