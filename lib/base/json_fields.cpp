#include "base/json_fields.h"

#include <cmath>
#include <utility>

#include "base/error.h"

namespace vega {

JsonFields::JsonFields(Json json, std::filesystem::path path)
    : json_(std::move(json)), path_(std::move(path)) {
  if (!json_.is_object())
    throw FormatError(explain(path_.string(), "JSON that is no object", "a configuration",
                              "fetch the file again"));
}

JsonFields::JsonFields(const std::filesystem::path& path)
    : JsonFields(read_json(path, "a model configuration"), path) {}

const Json* JsonFields::find(std::string_view name) const {
  asked_.emplace(name);
  const Json* found = json_.find(name);
  return found == nullptr || found->is_null() ? nullptr : found;
}

std::optional<std::string> JsonFields::text(std::string_view name) const {
  const Json* found = find(name);
  if (found == nullptr) return std::nullopt;
  if (found->text() == nullptr) refuse(name, "a text");
  return *found->text();
}

std::optional<bool> JsonFields::flag(std::string_view name) const {
  const Json* found = find(name);
  if (found == nullptr) return std::nullopt;
  if (!found->flag()) refuse(name, "true or false");
  return found->flag();
}

std::optional<std::int64_t> JsonFields::whole(std::string_view name, std::int64_t least,
                                              std::int64_t most) const {
  const Json* found = find(name);
  if (found == nullptr) return std::nullopt;
  const auto value = found->whole();
  if (!value || *value < least || *value > most)
    refuse(name, least == 1 ? "a positive number, whole and at most " + std::to_string(most)
                            : "a whole number from " + std::to_string(least) + " to " +
                                  std::to_string(most));
  return value;
}

std::optional<double> JsonFields::number(std::string_view name) const {
  const Json* found = find(name);
  if (found == nullptr) return std::nullopt;
  const auto value = found->number();
  if (!value || !std::isfinite(*value)) refuse(name, "a number");
  return value;
}

std::optional<double> JsonFields::positive(std::string_view name) const {
  const Json* found = find(name);
  if (found == nullptr) return std::nullopt;
  const auto value = found->number();
  if (!value || !std::isfinite(*value) || *value <= 0) refuse(name, "a positive number");
  return value;
}

void JsonFields::expect(std::string_view name, const Json& expected,
                        std::string_view remedy) const {
  const Json* found = find(name);
  if (found == nullptr || *found == expected) return;
  deny(name, expected.text() != nullptr ? *expected.text() : shown(expected), remedy);
}

void JsonFields::refuse(std::string_view name, std::string_view expected,
                        std::string_view remedy) const {
  throw FormatError(
      explain(path_.string() + ": " + std::string(name), shown(json_[name]), expected, remedy));
}

void JsonFields::deny(std::string_view name, std::string_view expected,
                      std::string_view remedy) const {
  throw InputError(
      explain(path_.string() + ": " + std::string(name), shown(json_[name]), expected, remedy));
}

void JsonFields::ignore(std::initializer_list<std::string_view> names) const {
  for (const auto name : names) asked_.emplace(name);
}

std::vector<std::string> JsonFields::unread() const {
  std::vector<std::string> out;
  for (const auto& [name, value] : json_.members()) {
    if (!value.is_null() && !asked_.contains(name)) out.push_back(name);
  }
  return out;
}

}  // namespace vega
