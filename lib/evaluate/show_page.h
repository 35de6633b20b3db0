// One page a question: what was asked, the frames, the room from above, answers and scores.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "evaluate/show_case.h"
#include "tasks/scored.h"

namespace vega::evaluate {

struct CaseText {
  std::string heading;  // "ScanRefer val, question 17 of scene0011_00 (unique)"
  std::string place;    // "1 of 20 by loss"
};

// Names of the systems, of one or two.
struct SystemNames {
  std::string a = "answer", b;
};

// A number of one question: "33.3", "-" where there is none.
std::string earned_text(double earned);

// Returns the text of a question, or words that say that no file has it.
std::string question_words(const tasks::ScoredQuestion& question, const std::string& task);
// Returns a system's answer in words: a text, boxes, or an object with its label where the scene is
// there and has one; or that there is no answer.
std::string answer_words(const tasks::ScoredAnswer& answer, const std::string& task,
                         const ShownScene* scene = nullptr);
// Returns the true answer in words: texts, boxes, or an object with its label.
std::string truth_words(const tasks::ScoredQuestion& question, const std::string& task,
                        const ShownScene* scene = nullptr);

ImageU8 case_page(const tasks::ScoredFile& file, const tasks::ScoredQuestion& question,
                  const CaseText& text, const SystemNames& names, const ShownScene& scene,
                  std::size_t frames);

// Of a question about still pictures: the pictures with their names, and no room.
ImageU8 picture_page(const tasks::ScoredFile& file, const tasks::ScoredQuestion& question,
                     const CaseText& text, const SystemNames& names,
                     const std::vector<std::pair<std::string, ImageU8>>& pictures);

}  // namespace vega::evaluate
