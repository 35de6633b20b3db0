#include "text/nfc.h"

#include <utf8proc.h>

#include <algorithm>
#include <vector>

#include "text/char_class.h"

namespace vega::text {
namespace {

using CodePoints = std::vector<utf8proc_int32_t>;

constexpr auto kDecompose = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE);
constexpr auto kCompose = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE);

int combining_class(utf8proc_int32_t c) { return utf8proc_get_property(c)->combining_class; }

void append_decomposed(char32_t c, CodePoints& out) {
  utf8proc_int32_t parts[8];
  int boundary = 0;
  const auto count =
      utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), parts, 8, kDecompose, &boundary);
  if (count < 1 || count > 8)
    out.push_back(static_cast<utf8proc_int32_t>(c));
  else
    out.insert(out.end(), parts, parts + count);
}

// utf8proc sorts marks by exchanging neighbours, which is quadratic in a long run of them.
void sort_marks(CodePoints& points) {
  for (auto at = points.begin(); at != points.end();) {
    if (combining_class(*at) == 0) {
      ++at;
      continue;
    }
    const auto end = std::find_if(at, points.end(), [](auto c) { return combining_class(c) == 0; });
    std::stable_sort(at, end,
                     [](auto a, auto b) { return combining_class(a) < combining_class(b); });
    at = end;
  }
}

void append_normalised(std::string_view text, CodePoints& points, std::string& out) {
  points.clear();
  for (std::size_t at = 0; at < text.size();) append_decomposed(next_char(text, at), points);
  sort_marks(points);
  const auto count = utf8proc_normalize_utf32(
      points.data(), static_cast<utf8proc_ssize_t>(points.size()), kCompose);
  for (utf8proc_ssize_t i = 0; i < count; ++i) {
    utf8proc_uint8_t bytes[4];
    const auto size = utf8proc_encode_char(points[static_cast<std::size_t>(i)], bytes);
    out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  }
}

}  // namespace

// Only stretches of characters that may change are normalised, each with the character before it,
// which it may join. Every other character is a boundary of normalisation.
std::string_view nfc(std::string_view text, std::string& storage) {
  const CharClasses& classes = CharClasses::get();
  CodePoints points;
  storage.clear();
  std::size_t copied = 0, before = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t start = at;
    if (static_cast<unsigned char>(text[at]) < 0x80) {
      before = at++;
      continue;
    }
    const unsigned got = classes.of(next_char(text, at));
    if ((got & kMayChange) == 0) {
      before = (got & kUnknownToNfc) != 0 ? at : start;
      continue;
    }
    while (at < text.size()) {
      std::size_t after = at;
      if ((classes.of(next_char(text, after)) & kMayChange) == 0) break;
      at = after;
    }
    storage.append(text.substr(copied, before - copied));
    append_normalised(text.substr(before, at - before), points, storage);
    copied = before = at;
  }
  if (copied == 0) return text;
  storage.append(text.substr(copied));
  return storage;
}

}  // namespace vega::text
