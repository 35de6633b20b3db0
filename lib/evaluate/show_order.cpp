#include "evaluate/show_order.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <unordered_set>

#include "base/error.h"
#include "base/natural.h"
#include "base/printable.h"

namespace vega::evaluate {
namespace {

using tasks::ScoredFile;
using tasks::ScoredQuestion;

std::vector<std::string> words_of(const std::string& type) {
  std::vector<std::string> out = {type};
  std::size_t from = 0;
  for (std::size_t at = type.find(' '); at != type.npos; at = type.find(' ', from)) {
    out.push_back(type.substr(from, at - from));
    from = at + 1;
  }
  if (from > 0) out.push_back(type.substr(from));
  return out;
}

bool of_types(const ScoredQuestion& question, const std::vector<std::string>& types) {
  if (types.empty()) return true;
  for (const std::string& word : words_of(question.type))
    if (std::find(types.begin(), types.end(), word) != types.end()) return true;
  return false;
}

void check_names(const ScoredFile& file, const CaseChoice& choice) {
  std::unordered_set<std::string> ids;
  std::set<std::string> types;
  for (const ScoredQuestion& question : file.questions) {
    ids.insert(question.id);
    for (const std::string& word : words_of(question.type)) types.insert(word);
  }
  for (const auto& broken : file.broken) ids.insert(broken.id);
  for (const std::string& id : choice.ids)
    if (!ids.contains(id))
      throw InputError(
          explain("--ids", "'" + printable(id, 80) + "'", "ids of questions that are answered"));
  std::string known;
  for (const std::string& type : types)
    if (!type.empty()) known += (known.empty() ? "" : ", ") + printable(type, 40);
  for (const std::string& type : choice.types)
    if (!types.contains(type))
      throw InputError(explain("--type", "'" + printable(type, 80) + "'",
                               known.empty() ? "no type: the questions have none" : known));
}

std::vector<std::size_t> sorting_metrics(const ScoredFile& file, const CaseChoice& choice) {
  if (choice.metric.empty()) return file.main;
  std::string known;
  for (std::size_t m = 0; m < file.metrics.size(); ++m) {
    if (file.metrics[m].name == choice.metric) return {m};
    known += (m > 0 ? ", " : "") + file.metrics[m].name;
  }
  throw UsageError(explain("--metric", "'" + printable(choice.metric, 80) + "'", known));
}

// The number by which cases are sorted: the largest comes first. NaN: there is none.
double key_of(const ScoredQuestion& question, std::size_t metric, CaseOrder order) {
  if (order == CaseOrder::kGain)
    return question.against->earned[metric] - question.answer.earned[metric];
  return -question.answer.earned[metric];
}

// -1, 0 or 1; what has no number is last.
int compared(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return int(std::isnan(a)) - int(std::isnan(b));
  return a > b ? -1 : a < b ? 1 : 0;
}

std::string value_of(const ScoredFile& file, const ScoredQuestion& question, std::size_t metric,
                     CaseOrder order) {
  const double key = key_of(question, metric, order);
  if (std::isnan(key)) return file.metrics[metric].name + " -";
  if (order == CaseOrder::kGain) return fmt::format("{} {:+.1f}", file.metrics[metric].name, key);
  return fmt::format("{} {:.1f}", file.metrics[metric].name, question.answer.earned[metric]);
}

}  // namespace

std::vector<ShownCase> chosen_cases(const ScoredFile& file, const CaseChoice& choice) {
  check_names(file, choice);
  const std::vector<std::size_t> metrics = sorting_metrics(file, choice);
  const bool by_gain = choice.order == CaseOrder::kGain;
  if (by_gain && std::none_of(file.questions.begin(), file.questions.end(),
                              [](const ScoredQuestion& q) { return q.against.has_value(); }))
    throw UsageError(explain("--sort gain", "answers of one system", "--against FILE"));
  const std::unordered_set<std::string> ids(choice.ids.begin(), choice.ids.end());
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < file.questions.size(); ++i) {
    const ScoredQuestion& question = file.questions[i];
    if ((!ids.empty() && !ids.contains(question.id)) || !of_types(question, choice.types)) continue;
    if (by_gain && !question.against) continue;
    order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const ScoredQuestion &left = file.questions[a], &right = file.questions[b];
    if (choice.order == CaseOrder::kId) return natural_less(left.id, right.id);
    for (const std::size_t m : metrics) {
      const int less = compared(key_of(left, m, choice.order), key_of(right, m, choice.order));
      if (less != 0) return less < 0;
    }
    return false;
  });
  if (choice.count > 0 && order.size() > static_cast<std::size_t>(choice.count))
    order.resize(static_cast<std::size_t>(choice.count));
  std::vector<ShownCase> out;
  for (const std::size_t i : order) {
    const bool by_value = choice.order != CaseOrder::kId && !metrics.empty();
    out.push_back({i, by_value ? value_of(file, file.questions[i], metrics[0], choice.order) : ""});
  }
  return out;
}

std::string name_part(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 60)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '.' || c == '_' || c == '-' || c == '@' || c == '+';
    out += plain ? c : '_';
  }
  return out;
}

}  // namespace vega::evaluate
