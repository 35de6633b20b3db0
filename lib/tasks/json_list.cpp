#include "tasks/json_list.h"

#include "base/error.h"
#include "base/file_kind.h"
#include "base/text.h"

namespace vega::tasks {
namespace {

// Past the text that begins at `at` (a quote); npos: it does not end.
std::size_t past_quoted(std::string_view text, std::size_t at) {
  for (std::size_t i = at + 1;;) {
    i = text.find('"', i);
    if (i == text.npos) return i;
    std::size_t slashes = 0;
    while (text[i - 1 - slashes] == '\\') ++slashes;
    ++i;
    if (slashes % 2 == 0) return i;
  }
}

// The end of the element that begins at `at`: the place of the comma or bracket behind it; npos:
// the text ends first.
std::size_t end_of_element(std::string_view text, std::size_t at) {
  std::size_t depth = 0;
  for (std::size_t i = at; i < text.size();) {
    switch (text[i]) {
      case '"':
        i = past_quoted(text, i);
        if (i == text.npos) return i;
        continue;
      case '{':
      case '[': ++depth; break;
      case ',':
        if (depth == 0) return i;
        break;
      case '}':
      case ']':
        if (depth == 0) return i;
        --depth;
        break;
      default: break;
    }
    ++i;
  }
  return text.npos;
}

}  // namespace

void each_element(std::string_view text, const std::string& where, const std::string& what,
                  const std::function<void(std::size_t index, std::string_view element)>& use) {
  text = strip_bom(text);
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == text.npos || text[first] != '[') {
    require_text(where, text.substr(0, kFileKindBytes), what);
    throw FormatError(explain(where,
                              first == text.npos   ? "an empty file"
                              : text[first] == '{' ? "a JSON object"
                                                   : "text that is no JSON list",
                              what));
  }
  const auto broken = [&](std::size_t index) {
    throw FormatError(explain(where + ": [" + std::to_string(index) + "]",
                              "a list that breaks off here, or a text without its closing quote",
                              what, "fetch the file again"));
  };
  std::size_t at = first + 1;
  if (trim(text.substr(at)).starts_with(']')) return;
  for (std::size_t index = 0;; ++index) {
    const std::size_t end = end_of_element(text, at);
    if (end == text.npos || text[end] == '}') broken(index);
    use(index, trim(text.substr(at, end - at)));
    at = end + 1;
    if (text[end] == ']') break;
  }
  if (!trim(text.substr(at)).empty())
    throw FormatError(explain(where, "more text behind the list", what, "fetch the file again"));
}

}  // namespace vega::tasks
