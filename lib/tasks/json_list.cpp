#include "tasks/json_list.h"

#include <optional>

#include "base/error.h"
#include "base/file_kind.h"
#include "base/text.h"
#include "text/python_json.h"
#include "text/unicode.h"

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

constexpr const char* kBroken = "text that breaks off here, or a text without its closing quote";

// Past the opening mark of a list or an object. Throws where another thing stands there.
std::size_t past_open(std::string_view text, char open, const std::string& where,
                      const std::string& what) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first != text.npos && text[first] == open) return first + 1;
  require_text(where, text.substr(0, kFileKindBytes), what);
  const char* got = first == text.npos   ? "an empty file"
                    : text[first] == '{' ? "a JSON object"
                    : text[first] == '[' ? "a JSON list"
                                         : "text that is no JSON";
  throw FormatError(explain(where, got, what));
}

void refuse_rest(std::string_view rest, const std::string& where, const std::string& what) {
  if (!trim(rest).empty())
    throw FormatError(explain(where, "more text behind the end", what, "fetch the file again"));
}

}  // namespace

void each_element(std::string_view text, const std::string& where, const std::string& what,
                  const std::function<void(std::size_t index, std::string_view element)>& use) {
  text = strip_bom(text);
  std::size_t at = past_open(text, '[', where, what);
  if (const std::size_t next = text.find_first_not_of(" \t\r\n", at);
      next != text.npos && text[next] == ']') {
    refuse_rest(text.substr(next + 1), where, what);
    return;
  }
  for (std::size_t index = 0;; ++index) {
    const std::size_t end = end_of_element(text, at);
    if (end == text.npos || text[end] == '}')
      throw FormatError(explain(where + ": [" + std::to_string(index) + "]", kBroken, what,
                                "fetch the file again"));
    use(index, trim(text.substr(at, end - at)));
    at = end + 1;
    if (text[end] == ']') break;
  }
  refuse_rest(text.substr(at), where, what);
}

void each_member(std::string_view text, const std::string& where, const std::string& what,
                 const std::function<void(const std::string& name, std::string_view value)>& use) {
  text = strip_bom(text);
  std::size_t at = past_open(text, '{', where, what);
  for (bool last = false; !last;) {
    const std::size_t end = end_of_element(text, at);
    if (end == text.npos || text[end] == ']')
      throw FormatError(explain(where, kBroken, what, "fetch the file again"));
    last = text[end] == '}';
    const std::string_view member = trim(text.substr(at, end - at));
    at = end + 1;
    if (member.empty() && last) break;
    const std::size_t quoted = member.starts_with('"') ? past_quoted(member, 0) : member.npos;
    const auto name = quoted == member.npos ? std::nullopt : parse_json(member.substr(0, quoted));
    const std::string_view rest = trim(quoted == member.npos ? member : member.substr(quoted));
    if (!name || !rest.starts_with(':'))
      throw FormatError(explain(where, "a member without a name", what, "fetch the file again"));
    use(*name->text(), trim(rest.substr(1)));
  }
  refuse_rest(text.substr(at), where, what);
}

Json parse_element(std::string_view element, std::size_t& repaired) {
  const auto refuse = [](const std::string& got, const std::string& expected) {
    throw FormatError(explain("record", got, expected, "correct what wrote the file"));
  };
  if (element.size() > kMostElementBytes)
    refuse(std::to_string(element.size()) + " bytes",
           "at most " + std::to_string(kMostElementBytes));
  if (!is_utf8(element)) refuse("bytes that are not UTF-8", "UTF-8");
  if (const auto name = text::foreign_number(element); !name.empty())
    refuse(std::string(name) + ", which JSON does not have", "finite numbers");
  JsonLimits limits;
  limits.bytes = limits.token = kMostElementBytes;
  const JsonOrigin origin{"record", "a JSON object", "correct what wrote the file"};
  if (element.find("\\u") == element.npos) return parse_json(element, origin, limits);
  std::size_t halves = 0;
  const std::string whole = text::with_whole_surrogates(element, halves);
  Json out = parse_json(whole, origin, limits);
  repaired += halves;
  return out;
}

Json member_of_broken(std::string_view element, std::string_view name) {
  if (element.size() > kMostElementBytes) return {};
  std::size_t ignored = 0;
  std::string whole =
      text::encode_utf8(text::decode_utf8(text::with_whole_surrogates(element, ignored)));
  for (auto number = text::foreign_number(whole); !number.empty();
       number = text::foreign_number(whole))
    whole.replace(static_cast<std::size_t>(number.data() - whole.data()), number.size(), "0");
  const auto json = parse_json(std::string_view(whole));
  return json ? (*json)[name] : Json();
}

}  // namespace vega::tasks
