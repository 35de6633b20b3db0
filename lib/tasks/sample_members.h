// Members of processed questions and of lines of answers that every reader of them reads.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"

namespace vega::tasks {

// The id that a value states: a text, or a whole number as text; nothing else is an id.
std::optional<std::string> id_text(const Json& value);

// Throws FormatError that begins with `where` if metadata.dataset of a processed question names
// another benchmark than `task` ("scanqa", case aside). A question that names none passes.
void check_dataset(const Json& question, std::string_view task, const std::string& where);

// The same for questions about frames: "scanrefer-frames" is also "scanrefer", as the release names
// it.
void check_frames_dataset(const Json& question, std::string_view task, const std::string& where);

}  // namespace vega::tasks
