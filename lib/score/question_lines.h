// Questions in a data set's own form: JSON Lines, or a JSON list, of
//   VSI-Bench      id, dataset ("scannet"), scene_name, question_type, question, ground_truth,
//                  options (or null)
//   CV-Bench       idx, task, question, choices, answer "(C)", source, filename or image
//   BLINK          idx, sub_task, prompt, choices, answer "(C)", image_1 to image_4 (or null)
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "score/benchmark.h"

namespace vega::score {

// Whether a benchmark's own questions are such records.
bool has_question_lines(Task task);

// Gives each record to `use`, with its place ("test.jsonl:12", "test.json: [11]"). Throws
// FormatError: a Parquet file (with the line that converts it), no JSON, and what `use` throws.
void each_question(Task task, std::string_view text, const std::string& file,
                   const std::function<void(const std::string& place, const Json& record)>& use);

// A text, or a number as text: scene_name and ground_truth are both. Throws FormatError that begins
// with the place.
std::string text_or_number(const Json& record, const std::string& place, std::string_view name);

// The names of a record's pictures, in their order. Throws FormatError that begins with the place:
// none, or a member that is no text.
std::vector<std::string> picture_names(Task task, const Json& record, const std::string& place);

// Throws FormatError with the line that converts it where the text is of a Parquet file; pictures
// in it become files beside.
void refuse_parquet(Task task, std::string_view text, const std::string& file);

}  // namespace vega::score
