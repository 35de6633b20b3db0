// CV-Bench and BLINK-spatial. Source: VEGA-3D, branch spatial-reasoning, lmms_eval/tasks/cvbench
// and blink.
#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/printable.h"
#include "score/measures.h"
#include "tasks/pictures.h"
#include "tasks/vsi.h"

namespace vega::score {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
// Both benchmarks average three means: of CV-Bench's sources, of BLINK's tasks.
constexpr std::size_t kParts = 3, kOmni3d = 2;

std::span<const std::string_view> parts_of(Task task) {
  if (task == Task::kBlink) return tasks::kBlinkTypes;
  return tasks::kCvBenchSources;
}

// NaN where the part has no question, as in the released code.
double part_mean(std::span<const double> sums, std::size_t part) {
  return sums[2 * part + 1] > 0 ? sums[2 * part] / sums[2 * part + 1] : kNone;
}

double flat_mean(std::span<const double> sums) {  // 2D: of ADE20K and COCO
  return (part_mean(sums, 0) + part_mean(sums, 1)) / 2;
}

double combined(std::span<const double> sums) {
  return (flat_mean(sums) + part_mean(sums, kOmni3d)) / 2;
}

double average(std::span<const double> sums) {
  double total = 0;
  for (std::size_t part = 0; part < kParts; ++part) total += part_mean(sums, part);
  return total / static_cast<double>(kParts);
}

std::optional<char> letter_of(const Question& question, bool lenient) {
  if (!lenient) return tasks::released_letter(question.answer.text);
  std::string letters;
  for (const std::string& option : question.truth.options)
    if (!option.empty()) letters += option[0];
  if (letters.empty()) letters = tasks::kOptionLetters;
  return tasks::vsi_letter(question.answer.text, letters, tasks::VsiParser::kLenient);
}

[[noreturn]] void refuse(const Question& question, const char* field, const std::string& got,
                         const std::string& expected) {
  throw FormatError(explain("question '" + printable(question.truth.id, 80) + "': " + field,
                            "'" + printable(got, 80) + "'", expected));
}

// The part that a question counts for.
std::size_t part_of(Task task, const Question& question) {
  const std::span<const std::string_view> parts = parts_of(task);
  const bool blink = task == Task::kBlink;
  const std::string& name = blink ? question.truth.type : question.truth.source;
  const auto at = std::ranges::find(parts, name);
  if (at == parts.end())
    refuse(question, blink ? "question_type" : "source", name,
           blink ? "a task of BLINK-spatial" : "ADE20K, COCO or Omni3D");
  return static_cast<std::size_t>(at - parts.begin());
}

// What questions earned, as the rows of a sum: the part's sum and count.
std::vector<double> rows_of(const std::vector<std::size_t>& parts,
                            const std::vector<double>& earned) {
  std::vector<double> out(parts.size() * 2 * kParts, 0);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    out[i * 2 * kParts + 2 * parts[i]] = earned[i];
    out[i * 2 * kParts + 2 * parts[i] + 1] = 1;
  }
  return out;
}

std::vector<Measure> measures_of(Task task, const std::vector<std::size_t>& parts,
                                 const std::vector<double>& earned) {
  const std::vector<double> rows = rows_of(parts, earned);
  const auto of_parts = [&](std::initializer_list<std::size_t> wanted) {
    std::vector<double> out = earned;
    for (std::size_t i = 0; i < out.size(); ++i)
      if (std::ranges::find(wanted, parts[i]) == wanted.end()) out[i] = kNone;
    return out;
  };
  const auto mean_of_means = [&](std::string name, std::vector<double> what, const auto& value) {
    Measure out = mean(std::move(name), std::move(what));
    out.sums = {2 * kParts, rows, value};
    return out;
  };
  if (task == Task::kBlink) return {mean_of_means("average", earned, average)};
  return {mean_of_means("combined", earned, combined),
          mean_of_means("2D", of_parts({0, 1}), flat_mean), rate("3D", of_parts({kOmni3d})),
          rate("ADE20K", of_parts({0})), rate("COCO", of_parts({1}))};
}

std::vector<double> values_of(const std::vector<Measure>& measures) {
  std::vector<double> out;
  for (const Measure& one : measures) out.push_back(metrics::value_of(one.sums));
  return out;
}

// What needs no model. frequency: the letter that is right most often among the questions of the
// type (of equal ones the first), given to all of them. random: one option in as many as there are,
// where all questions say their options.
void add_baselines(const Questions& questions, const std::vector<std::size_t>& parts,
                   Measured& out) {
  std::map<std::string, std::map<std::string, std::size_t>> counts;
  for (const Question& one : questions.list) ++counts[one.truth.type][one.truth.answers.at(0)];
  std::map<std::string, std::string> most;
  for (const auto& [type, answers] : counts)
    most[type] =
        std::ranges::max_element(answers, {}, [](const auto& one) { return one.second; })->first;
  std::vector<double> frequency, chance;
  bool known = true;
  for (const Question& one : questions.list) {
    frequency.push_back(one.truth.answers.at(0) == most.at(one.truth.type) ? 100 : 0);
    known = known && !one.truth.options.empty();
    chance.push_back(100.0 /
                     static_cast<double>(std::max<std::size_t>(1, one.truth.options.size())));
  }
  out.baselines = {{"frequency", values_of(measures_of(questions.task, parts, frequency))}};
  std::vector<double> random = values_of(measures_of(questions.task, parts, chance));
  if (!known) std::ranges::fill(random, kNone);
  out.baselines.emplace_back("random", std::move(random));
}

}  // namespace

void measure_pictures(const Questions& questions, const Matching& matching, Measured& out) {
  const bool lenient = matching.matcher == "lenient";
  std::vector<double> earned;
  std::vector<std::size_t> parts;
  out.unreadable = 0;
  for (const Question& question : questions.list) {
    const std::string& truth = question.truth.answers.at(0);
    const auto letter = letter_of(question, lenient);
    out.unreadable += !letter && !question.answer.empty ? 1 : 0;
    earned.push_back(letter && truth == std::string_view(&*letter, 1) ? 100 : 0);
    parts.push_back(part_of(questions.task, question));
  }
  out.measures = measures_of(questions.task, parts, earned);
  out.of_groups = {rate("accuracy", earned)};
  add_baselines(questions, parts, out);
}

}  // namespace vega::score
