#include "score/measures.h"

#include <algorithm>
#include <array>
#include <map>
#include <sstream>

namespace vega::score {
namespace {

// Groups by question type; those that the papers name come first, in their order.
void add_groups(const Questions& questions, Measured& out) {
  static constexpr std::array<std::string_view, 17> kOrder = {"unique",
                                                              "multiple",
                                                              "zt_wo_d",
                                                              "zt_w_d",
                                                              "st_wo_d",
                                                              "st_w_d",
                                                              "mt",
                                                              "what",
                                                              "is",
                                                              "how",
                                                              "can",
                                                              "which",
                                                              "others",
                                                              "easy",
                                                              "hard",
                                                              "view-dependent",
                                                              "view-independent"};
  std::map<std::string, std::vector<std::size_t>> groups;
  for (std::size_t i = 0; i < questions.list.size(); ++i) {
    std::istringstream words(questions.list[i].truth.type);
    if (questions.task != Task::kNr3d) {
      if (!words.str().empty()) groups[words.str()].push_back(i);
      continue;
    }
    for (std::string word; words >> word;) groups[word].push_back(i);
  }
  if (groups.size() < 2) return;
  for (const std::string_view name : kOrder) {
    const auto at = groups.find(std::string(name));
    if (at == groups.end()) continue;
    out.groups.emplace_back(at->first, std::move(at->second));
    groups.erase(at);
  }
  for (auto& [name, members] : groups) out.groups.emplace_back(name, std::move(members));
}

void count_answers(const Questions& questions, Measured& out) {
  for (const Question& question : questions.list) {
    const Answer& answer = question.answer;
    out.ids.push_back(question.truth.id);
    out.scenes.push_back(question.truth.scene.empty() ? answer.scene : question.truth.scene);
    out.empty += answer.empty ? 1 : 0;
    out.unreadable += answer.unreadable.empty() ? 0 : 1;
    if (answer.cut) out.cut = out.cut.value_or(0) + (*answer.cut ? 1 : 0);
  }
  out.of = questions.of;
}

}  // namespace

Measure rate(std::string name, std::vector<double> earned) {
  auto sums = metrics::rate_score(earned);
  return {std::move(name), std::move(earned), std::move(sums), {}};
}

Measure mean(std::string name, std::vector<double> earned, double most) {
  auto sums = metrics::mean_score(earned, most);
  return {std::move(name), std::move(earned), std::move(sums), {}};
}

Measured measure(const Questions& questions, const Matching& matching) {
  Measured out;
  out.matcher = matching.matcher;
  out.notes = questions.notes;
  out.warnings = questions.warnings;
  count_answers(questions, out);
  switch (questions.task) {
    case Task::kScanRefer:
    case Task::kMulti3DRefer:
    case Task::kNr3d:
    case Task::kScanReferFrames: measure_boxes(questions, matching, out); break;
    case Task::kVsi: measure_vsi(questions, matching, out); break;
    case Task::kCvBench:
    case Task::kBlink: measure_pictures(questions, matching, out); break;
    default: measure_texts(questions, matching, out); break;
  }
  add_groups(questions, out);
  return out;
}

}  // namespace vega::score
