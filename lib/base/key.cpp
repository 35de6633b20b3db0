#include "base/key.h"

#include "base/error.h"

namespace vega {
namespace {
bool allowed(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}
}  // namespace

bool is_key(std::string_view text) {
  for (const char c : text) {
    if (!allowed(c)) return false;
  }
  return !text.empty();
}

std::string clean_key(std::string_view text) {
  if (text.empty()) {
    throw InputError(explain("key", "an empty name", "[A-Za-z0-9._-]+", "give one with --key"));
  }
  std::string key;
  for (const char c : text) {
    const bool continues = (static_cast<unsigned char>(c) & 0xc0U) == 0x80U;  // inside a character
    if (allowed(c)) {
      key += c;
    } else if (!continues || key.empty()) {
      key += '_';
    }
  }
  return key;
}

}  // namespace vega
