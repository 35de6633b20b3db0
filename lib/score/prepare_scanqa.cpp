#include <fmt/core.h>

#include <utility>
#include <vector>

#include "score/prepare_conversion.h"

namespace vega::score {
namespace {

std::vector<std::string> accepted_answers(const Row& row) {
  const Json& list = row.json["answers"];
  if (!list.is_list() || list.size() == 0) row.refuse("answers", "a list of texts");
  std::vector<std::string> out;
  for (const Json& one : list.elements()) {
    if (one.text() == nullptr) row.refuse("answers", "a list of texts");
    out.push_back(*one.text());
  }
  return out;
}

}  // namespace

void convert_scanqa(Conversion& work) {
  const Split split = work.sources.split;
  work.each_row(work.sources.annotations, "ScanQA_v1.0_*.json", [&](const Row& row) {
    const std::string id = row.id("question_id"), question = row.words("question");
    work.check_new(row, id);
    std::vector<std::string> answers;
    if (!work.is_test()) answers = accepted_answers(row);
    const std::size_t many = split == Split::kTrain ? answers.size() : 1;
    for (std::size_t i = 0; i < many; ++i) {
      tasks::Sample one =
          work.sample(fmt::format("scanqa_{}_{}", id, i), row.scene(),
                      {.question = question, .answer = work.is_test() ? "" : answers[i]});
      one.question_type = "unknow";  // as the release spells it
      if (split == Split::kVal) one.answers = answers;
      one.has_truth = !work.is_test();
      work.add(std::move(one));
    }
  });
  if (work.is_test()) work.out.notes.emplace_back("test split: its answers are not public");
}

}  // namespace vega::score
