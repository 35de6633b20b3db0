#include "score/prepare_row.h"

#include <algorithm>

#include "base/error.h"
#include "base/key.h"
#include "base/printable.h"
#include "score/lines.h"
#include "text/unicode.h"

namespace vega::score {

void Row::refuse(std::string_view field, std::string_view expected) const {
  throw FormatError(explain(place + "." + std::string(field), shown(json[field]), expected));
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
