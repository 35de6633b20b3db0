#include "score/row.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/error.h"
#include "base/key.h"
#include "base/printable.h"
#include "base/text.h"
#include "score/lines.h"
#include "text/unicode.h"

namespace vega::score {

Row row_of(const std::filesystem::path& file, std::size_t index, const Json& json) {
  return {index, fmt::format("{}: [{}]", file.string(), index), json};
}

std::string Row::at(std::string_view field) const { return fmt::format("{}.{}", place, field); }

void Row::refuse(std::string_view field, std::string_view expected) const {
  throw FormatError(explain(at(field), shown(json[field]), expected));
}

std::string Row::text(std::string_view field) const {
  if (const std::string* found = json[field].text()) return *found;
  refuse(field, "a text");
}

std::string Row::words(std::string_view field) const {
  std::string out = text(field);
  if (is_blank(out)) refuse(field, "a text of more than white space");
  return out;
}

std::string Row::id(std::string_view field) const {
  const auto out = id_text(json[field]);
  if (!out || out->empty()) refuse(field, "an id");
  return *out;
}

std::int64_t Row::whole(std::string_view field) const {
  const auto found = parse_whole(id(field));
  if (!found) refuse(field, "a whole number");
  return *found;
}

std::string Row::scene() const {
  const std::string out = text("scene_id");
  if (!is_key(out) || out.starts_with('.'))
    refuse("scene_id", "the name of a scan: letters, digits, '.', '_', '-'");
  return out;
}

bool is_blank(std::string_view text) {
  const auto letters = text::decode_utf8(text);
  return std::all_of(letters.begin(), letters.end(), text::is_python_space);
}

}  // namespace vega::score
