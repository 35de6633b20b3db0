#include "tasks/sample_members.h"

#include <fmt/core.h>

#include "base/error.h"
#include "base/printable.h"
#include "base/text.h"

namespace vega::tasks {

std::optional<std::string> id_text(const Json& value) {
  if (const std::string* text = value.text()) return *text;
  if (const auto whole = value.whole()) return std::to_string(*whole);
  return std::nullopt;
}

void check_dataset(const Json& question, std::string_view task, const std::string& where) {
  const Json& dataset = question["metadata"]["dataset"];
  if (dataset.is_null() || lower(dataset.text_or("")) == task) return;
  throw FormatError(explain(
      where, shown(dataset), fmt::format("questions of {}", task),
      "this question is of another benchmark: give the file of this one, or name the other one"));
}

void check_frames_dataset(const Json& question, std::string_view task, const std::string& where) {
  const std::string_view released = task.substr(0, task.rfind('-'));
  if (lower(question["metadata"]["dataset"].text_or("")) != released)
    check_dataset(question, task, where);
}

}  // namespace vega::tasks
