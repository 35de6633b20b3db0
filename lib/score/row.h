// A row of an original annotation file, as `vega-eval prepare` reads it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/json.h"

namespace vega::score {

// Errors (FormatError) name the place and the field.
struct Row {
  std::size_t index = 0;
  std::string place;  // "FILE: [12]"
  Json json;

  [[noreturn]] void refuse(std::string_view field, std::string_view expected) const;
  std::string text(std::string_view field) const;
  std::string words(std::string_view field) const;  // a text of more than white space
  std::string id(std::string_view field) const;     // a text or a whole number, not empty
  std::string scene() const;                        // scene_id, which can be the name of a file
};

// Whether a text of UTF-8 is empty or white space alone.
bool is_blank(std::string_view text);

}  // namespace vega::score
