#include "base/key.h"

#include "base/error.h"
#include "base/log.h"

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
  return !text.empty() && text != "." && text != "..";
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
  if (!is_key(key)) key.push_back('_');  // "." and ".." lead out of the output folder
  return key;
}

std::string scene_key(const std::filesystem::path& path) {
  // "room/", "room/." and "." all mean the folder itself.
  const auto whole = std::filesystem::absolute(path).lexically_normal();
  const auto last = whole.has_filename() ? whole : whole.parent_path();
  std::error_code code;
  const bool folder = !whole.has_filename() || std::filesystem::is_directory(last, code);
  const std::string name = (folder ? last.filename() : last.stem()).string();
  if (name.empty()) {
    throw InputError(explain(path.string(), "a path without a name",
                             "a folder or file that names the scene", "give the key with --key"));
  }
  std::string key = clean_key(name);
  if (key != name) log_info("{}: key {} (characters outside [A-Za-z0-9._-] replaced)", name, key);
  return key;
}

}  // namespace vega
