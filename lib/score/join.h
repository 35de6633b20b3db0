// Answers beside what is right: the questions of a run.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "score/answers.h"
#include "score/truth.h"

namespace vega::score {

struct Question {
  Answer answer;
  Truth truth;
};

struct Questions {
  Task task{};
  std::vector<Question> list;  // in the order of the annotation file, or of the answers
  std::int64_t of = 0;         // questions of the split
  std::vector<std::string> notes, warnings;
};

// Joins by id. `truth` null: what the lines themselves state. Throws InputError: the answers are
// not all there (unless `partial`), answer another split, state another truth than the annotation
// (both values), or nothing says what is right.
Questions join(AnswerFile answers, const TruthFile* truth, bool partial);

// The same questions in the order of `like`. Throws InputError where they are others, or have
// another truth.
Questions in_order_of(const Questions& like, Questions questions, const std::string& file,
                      const std::string& like_file);

}  // namespace vega::score
