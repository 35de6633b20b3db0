// VSI-Bench. Source: vision-x-nyu/thinking-in-space, lmms_eval/tasks/vsibench/utils.py.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "base/error.h"
#include "base/printable.h"
#include "score/measures.h"
#include "tasks/vsi.h"
#include "text/unicode.h"

namespace vega::score {
namespace {

using tasks::VsiParser;
using tasks::VsiThresholds;

constexpr double kNotAsked = std::numeric_limits<double>::quiet_NaN();
// Places whose means are averaged: the eight tasks, relative direction as three levels.
constexpr std::size_t kDirection = 5, kLevels = 3, kPlaces = 8 - 1 + kLevels;

// easy 0, medium 1, hard 2.
std::size_t level_of(const std::string& type) {
  return type.ends_with("_hard") ? 2 : type.ends_with("_medium") ? 1 : 0;
}
std::size_t place_of(int task, const std::string& type) {
  const auto t = static_cast<std::size_t>(task);
  return t < kDirection ? t : t == kDirection ? t + level_of(type) : t + kLevels - 1;
}

double mean_of_places(std::span<const double> sums, std::size_t first, std::size_t count) {
  double total = 0;
  int present = 0;
  for (std::size_t p = first; p < first + count; ++p) {
    if (sums[2 * p + 1] <= 0) continue;
    total += sums[2 * p] / sums[2 * p + 1];
    ++present;
  }
  return present == 0 ? kNotAsked : total / present;
}

double task_mean(std::span<const double> sums, std::size_t task) {
  if (task == kDirection) return mean_of_places(sums, kDirection, kLevels);
  return mean_of_places(sums, task < kDirection ? task : task + kLevels - 1, 1);
}

double average(std::span<const double> sums) {
  double total = 0;
  int present = 0;
  for (std::size_t task = 0; task < tasks::kVsiTasks.size(); ++task) {
    const double value = task_mean(sums, task);
    if (std::isnan(value)) continue;
    total += value;
    ++present;
  }
  return present == 0 ? kNotAsked : total / present;
}

struct Marks {
  double earned = 0;
  bool readable = true;
};

Marks mark(const Question& question, const tasks::VsiTask& task, VsiParser parser,
           VsiThresholds thresholds) {
  const std::string& answer = question.answer.text;
  const std::string& truth = question.truth.answers.at(0);
  if (task.number) {
    const auto right = tasks::python_float(text::decode_utf8(truth));
    if (!right || *right == 0 || !std::isfinite(*right))
      throw FormatError(explain("question '" + printable(question.truth.id, 80) + "': ground_truth",
                                printable(truth, 80), "a number other than 0"));
    const auto number = tasks::vsi_number(answer, parser);
    if (!number) return {0, false};
    return {100 * tasks::mean_relative_accuracy(*number, *right, thresholds), true};
  }
  std::string letters;
  for (const std::string& option : question.truth.options)
    if (!option.empty()) letters += option[0];
  if (letters.empty()) letters = "ABCD";
  if (parser == VsiParser::kStrict) {
    const bool equal =
        text::lower(tasks::vsi_strict_text(answer)) == text::lower(text::decode_utf8(truth));
    return {equal ? 100.0 : 0, equal || tasks::vsi_letter(answer, letters, parser).has_value()};
  }
  const auto letter = tasks::vsi_letter(answer, letters, parser);
  if (!letter) return {0, false};
  return {truth.size() == 1 && text::lower(std::string_view(truth)) ==
                                   text::lower(std::string_view(std::string(1, *letter)))
              ? 100.0
              : 0,
          true};
}

void check_levels(std::span<const double> sums, Measured& out, bool partial) {
  int present = 0;
  for (std::size_t p = kDirection; p < kDirection + kLevels; ++p) present += sums[2 * p + 1] > 0;
  if (present == static_cast<int>(kLevels)) return;
  if (!partial)
    throw InputError(explain("relative direction", std::to_string(present) + " of its three levels",
                             "questions of easy, medium and hard",
                             "--partial averages those there are"));
  if (present > 0)
    out.notes.push_back("relative direction lacks a level: its mean is of those there are");
}

// The values of average and the eight tasks from sums by place.
std::vector<double> values_of_places(std::span<const double> sums) {
  std::vector<double> out = {average(sums)};
  for (std::size_t task = 0; task < tasks::kVsiTasks.size(); ++task)
    out.push_back(task_mean(sums, task));
  return out;
}

// What needs no model. frequency: the answer that is right most often among the questions of the
// type (of equal ones the first by its bytes), given to all of them. random: one option in as many
// as there are, expected; numbers have none, and so has the average.
void add_baselines(const Questions& questions, VsiParser parser, VsiThresholds thresholds,
                   Measured& out) {
  std::map<std::string, std::map<std::string, std::size_t>> counts;
  for (const Question& one : questions.list) ++counts[one.truth.type][one.truth.answers.at(0)];
  std::map<std::string, std::string> most;
  for (const auto& [type, answers] : counts)
    most[type] = std::max_element(answers.begin(), answers.end(), [](const auto& a, const auto& b) {
                   return a.second < b.second;
                 })->first;
  std::vector<double> frequency(2 * kPlaces, 0), chance(2 * kPlaces, 0);
  for (const Question& one : questions.list) {
    const int task = tasks::vsi_task(one.truth.type);
    const auto& facts = tasks::kVsiTasks[static_cast<std::size_t>(task)];
    const std::size_t place = place_of(task, one.truth.type);
    Question constant = one;
    constant.answer.text = most.at(one.truth.type);
    frequency[2 * place] += mark(constant, facts, parser, thresholds).earned;
    frequency[2 * place + 1] += 1;
    if (facts.number || one.truth.options.empty()) continue;
    chance[2 * place] += 100.0 / static_cast<double>(one.truth.options.size());
    chance[2 * place + 1] += 1;
  }
  // Where the options of some questions are not known, neither is chance.
  for (std::size_t p = 0; p < kPlaces; ++p)
    if (chance[2 * p + 1] != frequency[2 * p + 1]) chance[2 * p + 1] = 0;
  std::vector<double> random = values_of_places(chance);
  random[0] = kNotAsked;
  out.baselines = {{"frequency", values_of_places(frequency)}, {"random", std::move(random)}};
}

}  // namespace

void measure_vsi(const Questions& questions, const Matching& matching, Measured& out) {
  const auto is = [&](std::string_view part) {
    return matching.matcher.find(part) != std::string::npos;
  };
  const VsiParser parser = is("lenient") ? VsiParser::kLenient : VsiParser::kStrict;
  const VsiThresholds thresholds = is("eleven")      ? VsiThresholds::kEleven
                                   : is("strict-lt") ? VsiThresholds::kStrictLess
                                                     : VsiThresholds::kOfficial;
  std::vector<double> earned;
  std::vector<std::vector<double>> of_task(tasks::kVsiTasks.size(),
                                           std::vector<double>(questions.list.size(), kNotAsked));
  std::vector<double> rows(questions.list.size() * 2 * kPlaces, 0), sums(2 * kPlaces, 0);
  out.unreadable = 0;
  for (std::size_t i = 0; i < questions.list.size(); ++i) {
    const Question& question = questions.list[i];
    const int task = tasks::vsi_task(question.truth.type);
    if (task < 0)
      throw FormatError(
          explain("question '" + printable(question.truth.id, 80) + "': question_type",
                  "'" + printable(question.truth.type, 80) + "'", "a question type of VSI-Bench"));
    const Marks marks =
        mark(question, tasks::kVsiTasks[static_cast<std::size_t>(task)], parser, thresholds);
    out.unreadable += !marks.readable && !question.answer.empty ? 1 : 0;
    earned.push_back(marks.earned);
    of_task[static_cast<std::size_t>(task)][i] = marks.earned;
    const std::size_t place = place_of(task, question.truth.type);
    rows[i * 2 * kPlaces + 2 * place] = marks.earned;
    rows[i * 2 * kPlaces + 2 * place + 1] = 1;
    sums[2 * place] += marks.earned;
    sums[2 * place + 1] += 1;
  }
  check_levels(sums, out, matching.partial);
  out.of_groups = {mean("score", earned)};
  Measure whole = mean("average", std::move(earned));
  whole.sums = {2 * kPlaces, rows, average};
  out.measures.push_back(std::move(whole));
  for (std::size_t task = 0; task < tasks::kVsiTasks.size(); ++task) {
    const bool number = tasks::kVsiTasks[task].number;
    const std::string name(tasks::kVsiTasks[task].name);
    Measure one = number ? mean(name, of_task[task]) : rate(name, of_task[task]);
    if (task == kDirection) {
      one.sums = {2 * kPlaces, rows,
                  [](std::span<const double> all) { return task_mean(all, kDirection); }};
    }
    out.measures.push_back(std::move(one));
  }
  add_baselines(questions, parser, thresholds, out);
}

}  // namespace vega::score
