// Names of the values of an enumeration, in one table: for parsing, for messages and for the help.
#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vega {

template <typename T>
struct Choice {
  T value;
  std::string_view name;
  std::string_view note = {};  // for the help; may be empty
  bool alias = false;          // another name of a value: taken, but not listed
};

// Throws UsageError: `option`: got 'text', expected `names`.
[[noreturn]] void refuse_choice(const std::string& option, const std::string& text,
                                const std::string& names);

// "a,b": the parts between the commas, at least one; they may be empty.
std::vector<std::string> comma_parts(const std::string& text);

// "a|b|c" with "|" between the names.
template <typename T>
std::string listed(std::span<const Choice<T>> table, std::string_view between) {
  std::string out;
  for (const Choice<T>& choice : table) {
    if (choice.alias) continue;
    if (!out.empty()) out += between;
    out += choice.name;
  }
  return out;
}

// `help`, then "name: note" of every choice that has a note.
template <typename T>
std::string with_notes(std::string help, std::span<const Choice<T>> table) {
  std::string notes;
  for (const Choice<T>& choice : table) {
    if (choice.note.empty()) continue;
    notes +=
        (notes.empty() ? "" : "; ") + std::string(choice.name) + ": " + std::string(choice.note);
  }
  if (!help.empty() && !notes.empty()) help += "; ";
  return help + notes;
}

// The name of a value; "unknown" where the table lacks it.
template <typename T>
std::string_view name_in(std::span<const Choice<T>> table, const T& value) {
  for (const Choice<T>& choice : table)
    if (choice.value == value) return choice.name;
  return "unknown";
}

template <typename T>
std::optional<T> find_choice(std::span<const Choice<T>> table, std::string_view name) {
  for (const Choice<T>& choice : table)
    if (choice.name == name) return choice.value;
  return std::nullopt;
}

// option: where the text was given. Throws UsageError that lists the names.
template <typename T>
T choice_of(std::span<const Choice<T>> table, const std::string& option, const std::string& text) {
  if (const auto found = find_choice(table, text)) return *found;
  refuse_choice(option, text, "one of " + listed(table, ", "));
}

// "a,c": at least one, each once; in the order of the text. Throws UsageError.
template <typename T>
std::vector<T> choices_of(std::span<const Choice<T>> table, const std::string& option,
                          const std::string& text) {
  std::vector<T> out;
  for (const std::string& part : comma_parts(text)) {
    const auto found = find_choice(table, part);
    if (!found || std::find(out.begin(), out.end(), *found) != out.end())
      refuse_choice(option, part, listed(table, ", ") + ", each at most once");
    out.push_back(*found);
  }
  return out;
}

}  // namespace vega
