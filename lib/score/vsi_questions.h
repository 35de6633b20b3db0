// Questions of VSI-Bench in the data set's own form: JSON Lines, or a JSON list, of
//   id, dataset ("scannet"), scene_name, question_type, question, ground_truth, options (or null)
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/json.h"

namespace vega::score {

// Gives each record to `use`, with its place ("test.jsonl:12", "test.json: [11]"). Throws
// FormatError: a Parquet file (with the line that converts it), no JSON, and what `use` throws.
void each_vsi_record(std::string_view text, const std::string& file,
                     const std::function<void(const std::string& place, const Json& record)>& use);

// A text, or a number as text: scene_name and ground_truth are both. Throws FormatError that begins
// with the place.
std::string vsi_member(const Json& record, const std::string& place, std::string_view name);

// Throws FormatError with the line that converts it where the text is of a Parquet file.
void refuse_parquet(std::string_view text, const std::string& file);

}  // namespace vega::score
