// Scores that a judge, such as a language model, gave to answers.
#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "score/measures.h"

namespace vega::score {

// Lines {id, score, scale, judge?}: score from 0 to scale. The measure is named "judge NAME": the
// member `judge`, else the file's name without its end. Throws InputError, FormatError (line): an
// id that no question has, an id twice, a question without a score (unless `partial`), a score
// outside its scale, two judges.
Measure read_judge(const std::filesystem::path& path, std::span<const std::string> ids,
                   bool partial);

}  // namespace vega::score
