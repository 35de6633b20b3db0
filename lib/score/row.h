// A row of an original annotation file, or a record of a processed one, as `vega-eval prepare` and
// `score` read it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/json.h"

namespace vega::score {

// Errors (FormatError) name the place and the field.
struct Row {
  std::size_t index = 0;
  std::string place;  // "FILE: [12]"
  const Json& json;

  std::string at(std::string_view field) const;  // "FILE: [12].field"
  [[noreturn]] void refuse(std::string_view field, std::string_view expected) const;
  std::string text(std::string_view field) const;
  std::string words(std::string_view field) const;   // a text of more than white space
  std::string id(std::string_view field) const;      // a text or a whole number, not empty
  std::int64_t whole(std::string_view field) const;  // a whole number, also as a text
  std::string scene() const;                         // scene_id, which can be the name of a file
};

Row row_of(const std::filesystem::path& file, std::size_t index, const Json& json);

// Whether a text of UTF-8 is empty or white space alone.
bool is_blank(std::string_view text);

}  // namespace vega::score
