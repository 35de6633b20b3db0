#include "score/join.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "base/error.h"
#include "base/printable.h"
#include "base/text.h"
#include "score/lines.h"
#include "tasks/box_answer.h"

namespace vega::score {
namespace {

// Equal but for the rounding to bfloat16 that the release's boxes went through.
bool equal_boxes(const std::vector<metrics::BoxNumbers>& a,
                 const std::vector<metrics::BoxNumbers>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t k = 0; k < 6; ++k)
      if (std::abs(a[i][k] - b[i][k]) > 0x1p-8 * std::abs(b[i][k]) + 1e-6) return false;
  return true;
}

std::string shown_truth(const Truth& truth) {
  if (truth.oriented) return shown(Json(*truth.oriented));
  if (!truth.boxes.empty() || truth.answers.empty()) {
    Json list = Json::list();
    for (const auto& box : truth.boxes) list.push(Json(box));
    return truth.objects.empty() || !truth.boxes.empty() ? shown(list) : shown(Json(truth.objects));
  }
  return shown(truth.answers.size() == 1 ? Json(truth.answers[0]) : Json(truth.answers));
}

bool agree(Task task, const Truth& line, const Truth& annotation) {
  switch (task) {
    case Task::kScanRefer:
    case Task::kMulti3DRefer: return equal_boxes(line.boxes, annotation.boxes);
    case Task::kScanReferFrames:
      return std::ranges::equal(*line.oriented, *annotation.oriented, [](double a, double b) {
        return std::abs(a - b) <= 1e-6 * std::abs(b) + 1e-6;
      });
    case Task::kNr3d: return line.objects.at(0) == annotation.objects.at(0);
    case Task::kScan2Cap:
    case Task::kScan2CapFrames: {
      auto a = line.answers, b = annotation.answers;
      std::sort(a.begin(), a.end());
      std::sort(b.begin(), b.end());
      return a == b;
    }
    default:  // the line may hold the first of several answers
      return std::all_of(line.answers.begin(), line.answers.end(), [&](const std::string& one) {
        return std::find(annotation.answers.begin(), annotation.answers.end(), one) !=
               annotation.answers.end();
      });
  }
}

// The box in the world of an answer about frames: what the poses make of its text, where they are
// known, else what its line states.
void place_box(const std::string& file, Question& question) {
  Answer& answer = question.answer;
  if (!question.truth.poses.empty()) {
    answer.unreadable.clear();
    answer.oriented = tasks::answered_box(answer.text, question.truth.poses, answer.unreadable);
  } else if (!answer.states_box) {
    throw InputError(explain(line_place(file, answer.line) + ": pred_bbox", "nothing",
                             "the box in the world, or poses of the frames",
                             "--gt FILE: the questions have the poses"));
  } else if (!answer.oriented) {
    answer.unreadable = "no box";
  }
  if (answer.empty) answer.unreadable.clear();
}

std::string some(const std::vector<std::string>& names) {
  std::string out;
  for (std::size_t i = 0; i < std::min<std::size_t>(names.size(), 3); ++i)
    out += (i > 0 ? ", " : "") + printable(names[i], 60);
  return out + (names.size() > 3 ? ", ..." : "");
}

void check_complete(const Questions& questions, const std::string& file,
                    const std::vector<std::string>& missing, bool partial) {
  const auto n = static_cast<std::int64_t>(questions.list.size());
  const Benchmark& benchmark = benchmark_of(questions.task);
  if (n > questions.of)
    throw InputError(explain(file, std::to_string(n) + " answers",
                             std::to_string(questions.of) + ", the questions of " +
                                 std::string(benchmark.title) + " " + std::string(benchmark.split),
                             "is it another split? --gt FILE names its annotation file"));
  if (n == questions.of || partial) return;
  throw InputError(explain(
      file,
      std::to_string(n) + " of " + std::to_string(questions.of) + " questions" +
          (missing.empty() ? "" : " (missing: " + some(missing) + ")"),
      "all questions of " + std::string(benchmark.title) + " " + std::string(benchmark.split),
      "answer the rest, or give --partial, which stamps every number"));
}

Questions from_lines(AnswerFile answers, bool partial) {
  Questions out;
  out.task = answers.task;
  const std::string file = answers.path.string();
  if (answers.task == Task::kNr3d)
    throw InputError(explain(file, "answers of Nr3D alone", "the questions beside them",
                             "give --gt nr3d.csv: it says which questions count"));
  out.of = benchmark_of(answers.task).questions;
  bool single = answers.task == Task::kScanQa;
  for (Answer& answer : answers.answers) {
    if (!answer.truth)
      throw InputError(explain(line_place(file, answer.line) + ": gt_response",
                               "no answer of the annotation",
                               "what is right, in the line or in --gt FILE",
                               "a split without public answers is scored by the benchmark's own "
                               "server: vega-eval validate --submission"));
    Truth truth = *answer.truth;
    if (answers.task != Task::kMulti3DRefer && truth.boxes.empty() && truth.answers.empty() &&
        !truth.oriented)
      throw InputError(explain(line_place(file, answer.line) + ": gt_response", "an empty list",
                               "what is right"));
    single = single && truth.answers.size() == 1;
    out.list.push_back({std::move(answer), std::move(truth)});
    if (out.task == Task::kScanReferFrames) place_box(file, out.list.back());
  }
  if (single)
    out.warnings.push_back(
        "every line states one accepted answer; ScanQA has several: give --gt for the published "
        "number");
  check_complete(out, file, {}, partial);
  return out;
}

}  // namespace

Questions join(AnswerFile answers, const TruthFile* truth, bool partial) {
  if (truth == nullptr) return from_lines(std::move(answers), partial);
  Questions out;
  out.task = answers.task;
  out.of = static_cast<std::int64_t>(truth->questions.size());
  const std::string file = answers.path.string();
  std::vector<Answer*> of_question(truth->questions.size(), nullptr);
  std::size_t left_out = 0;
  for (Answer& answer : answers.answers) {
    const auto at = truth->place.find(answer.id);
    if (at == truth->place.end()) {
      if (truth->broken.contains(answer.id)) continue;
      if (truth->left_out.contains(answer.id)) {
        ++left_out;
        continue;
      }
      throw InputError(
          explain(line_place(file, answer.line) + ": sample_id", "'" + printable(answer.id) + "'",
                  "a question of the annotation file", "do the answers belong to another split?"));
    }
    of_question[at->second] = &answer;
    const Truth& right = truth->questions[at->second];
    if (answer.truth && !agree(answers.task, *answer.truth, right))
      throw InputError(
          explain(line_place(file, answer.line) + ": gt_response", shown_truth(*answer.truth),
                  shown_truth(right) + ", as --gt has it for '" + printable(answer.id) + "'",
                  "the answers were made from another annotation file"));
  }
  if (left_out > 0)
    out.notes.push_back(plural(left_out, "answer") + " of rows that do not count left out");
  std::vector<std::string> missing;
  for (std::size_t i = 0; i < of_question.size(); ++i) {
    if (of_question[i] == nullptr) {
      missing.push_back(truth->questions[i].id);
      continue;
    }
    Question question{std::move(*of_question[i]), truth->questions[i]};
    if (question.truth.type.empty()) question.truth.type = question.answer.type;
    if (out.task == Task::kScanReferFrames) place_box(file, question);
    out.list.push_back(std::move(question));
  }
  if (out.list.empty())
    throw InputError(explain(file, "no answer of a question that counts", "answers"));
  check_complete(out, file, missing, partial);
  return out;
}

Questions in_order_of(const Questions& like, Questions questions, const std::string& file,
                      const std::string& like_file) {
  std::unordered_map<std::string, std::size_t> place;
  for (std::size_t i = 0; i < questions.list.size(); ++i) place[questions.list[i].truth.id] = i;
  std::vector<Question> ordered;
  for (const Question& one : like.list) {
    const auto at = place.find(one.truth.id);
    if (at == place.end())
      throw InputError(explain(file, "no answer of '" + printable(one.truth.id) + "'",
                               "the questions of " + like_file));
    Question& other = questions.list[at->second];
    if (!agree(like.task, other.truth, one.truth))
      throw InputError(explain(line_place(file, other.answer.line) + ": gt_response",
                               shown_truth(other.truth),
                               shown_truth(one.truth) + ", as in " + like_file));
    ordered.push_back(std::move(other));
  }
  if (ordered.size() != questions.list.size())
    throw InputError(explain(file, std::to_string(questions.list.size()) + " questions",
                             "the " + std::to_string(ordered.size()) + " of " + like_file));
  questions.list = std::move(ordered);
  return questions;
}

}  // namespace vega::score
