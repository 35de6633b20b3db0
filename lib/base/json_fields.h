// Members of a configuration in JSON, read with errors that name the file and the key.
#pragma once

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace vega {

// Absent and null are the same: nothing. A value of another kind throws FormatError "PATH: KEY: got
// VALUE, expected ...".
class JsonFields {
 public:
  // Throws FormatError when `json` is no object.
  JsonFields(Json json, std::filesystem::path path);
  // Reads a file. Throws InputError (cannot be opened), FormatError (no JSON object).
  explicit JsonFields(const std::filesystem::path& path);

  const Json* find(std::string_view name) const;  // null: absent or null
  std::optional<std::string> text(std::string_view name) const;
  std::optional<bool> flag(std::string_view name) const;
  // A whole number from `least` to `most`. The default bounds let a product of two fit 64 bits.
  std::optional<std::int64_t> whole(std::string_view name, std::int64_t least = 1,
                                    std::int64_t most = (1 << 24) - 1) const;
  std::optional<double> number(std::string_view name) const;    // finite
  std::optional<double> positive(std::string_view name) const;  // finite, more than 0

  // Throws InputError (both values) unless the value is absent, null or `expected`.
  void expect(std::string_view name, const Json& expected, std::string_view remedy) const;

  [[noreturn]] void refuse(std::string_view name, std::string_view expected,
                           std::string_view remedy = {}) const;  // FormatError
  [[noreturn]] void deny(std::string_view name, std::string_view expected,
                         std::string_view remedy) const;  // InputError

  // Names that no call above asked for, of members that are not null, in the file's order. `ignore`
  // counts as asking: for keys that are known not to matter.
  std::vector<std::string> unread() const;
  void ignore(std::initializer_list<std::string_view> names) const;

  const std::filesystem::path& path() const { return path_; }

 private:
  Json json_;
  std::filesystem::path path_;
  mutable std::set<std::string, std::less<>> asked_;
};

}  // namespace vega
