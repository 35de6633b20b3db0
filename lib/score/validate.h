// `vega-eval validate`: is an answer file whole, of the right split, and readable?
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "run/verb.h"
#include "score/answers.h"
#include "score/validate_questions.h"

namespace vega::score {

// The result of validate: the faults of one answer file. Faults are lines "FILE:LINE: FIELD: got
// .., expected ..", at most kShownFaults of a kind, and one that counts the rest.
inline constexpr std::size_t kShownFaults = 10;
struct Validation {
  std::vector<std::string> faults;
  std::size_t answers = 0;  // that can be read
  std::size_t empty = 0, unreadable = 0;
  std::optional<AnswerFile> file;  // where every line can be read and is there once
};

// questions: of the annotation file; null: the number of questions alone is compared, where the
// benchmark has published it. partial: missing questions are no fault. Never throws for a bad file.
Validation validate_answers(std::string_view text, const std::string& name, Task task,
                            const AskedQuestions* questions, bool partial);

// Digests of annotation files by their role ("gt", "labels"), as --record keeps them.
using Digests = std::map<std::string, std::string>;

// Compares with the record of a file, or makes it: faults name the role, both digests and the
// record. Roles that the record lacks are added. Throws FormatError (no record), OutputError.
std::vector<std::string> compare_record(const std::filesystem::path& record, Task task,
                                        const Digests& digests);

Verb validate_verb();

}  // namespace vega::score
