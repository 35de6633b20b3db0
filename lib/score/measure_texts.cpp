// Scan2Cap, ScanQA and SQA3D. Source: VEGA-3D, scripts/3d/eval; docs/scoring.md.
#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "score/captions.h"
#include "score/measures.h"
#include "tasks/sqa3d.h"
#include "text/unicode.h"

namespace vega::score {
namespace {

std::string replaced(std::string_view text, char what, std::string_view by) {
  std::string out;
  for (const char c : text) {
    if (c == what)
      out += by;
    else
      out += c;
  }
  return out;
}

std::string wrapped(std::string_view text) {
  const std::string spaced = replaced(replaced(text, '.', " . "), ',', " , ");
  return "sos " + text::lower(std::string_view(spaced)) + " eos";
}

void measure_sqa3d(const Questions& questions, const Matching& matching, Measured& out) {
  using tasks::Sqa3dMatch;
  const Sqa3dMatch least = matching.matcher == "strict"    ? Sqa3dMatch::kStrict
                           : matching.matcher == "refined" ? Sqa3dMatch::kRefined
                                                           : Sqa3dMatch::kOfficial;
  std::vector<double> right;
  for (const Question& question : questions.list) {
    const bool hit = std::any_of(question.truth.answers.begin(), question.truth.answers.end(),
                                 [&](const std::string& truth) {
                                   const Sqa3dMatch match =
                                       tasks::sqa3d_match(question.answer.text, truth);
                                   // Equal texts are equal after any cleaning, too.
                                   return match >= least;
                                 });
    right.push_back(hit ? 100 : 0);
  }
  out.measures = {rate("EM", std::move(right))};
}

void add(std::vector<Measure>&& more, Measured& out) {
  for (Measure& measure : more) out.measures.push_back(std::move(measure));
}

void measure_scanqa(const Questions& questions, const Matching& matching, Measured& out) {
  std::vector<double> right;
  std::vector<metrics::Caption> captions;
  for (const Question& question : questions.list) {
    const auto& answers = question.truth.answers;
    const std::string& text = question.answer.text;
    right.push_back(std::find(answers.begin(), answers.end(), text) != answers.end() ? 100 : 0);
    metrics::Caption caption{one_line(text), {}};
    for (const std::string& answer : answers) caption.references.push_back(one_line(answer));
    captions.push_back(std::move(caption));
  }
  if (matching.matcher == "PTB") {
    ptb_tokenise(captions);
  } else {
    for (metrics::Caption& caption : captions)
      while (caption.hypothesis.ends_with('.')) caption.hypothesis.pop_back();
  }
  out.measures = {rate("EM", std::move(right))};
  add(matching.captions->measures(captions, {}, CaptionTotals::kCorpus, matching.threads), out);
}

void measure_scan2cap(const Questions& questions, const Matching& matching, Measured& out) {
  std::vector<metrics::Caption> captions;
  std::vector<char> hits;
  std::size_t missed = 0;
  for (const Question& question : questions.list) {
    const bool hit = question.truth.has_proposal.value_or(!question.answer.empty);
    hits.push_back(hit ? 1 : 0);
    missed += hit ? 0 : 1;
    // A caption about an object without a proposal counts as empty, whoever wrote it.
    const bool emptied = !hit && questions.task == Task::kScan2CapFrames;
    metrics::Caption caption{wrapped(emptied ? "" : one_line(question.answer.text)), {}};
    if (!hit && matching.matcher == "placeholder") caption.hypothesis = "sos eos";
    for (const std::string& answer : question.truth.answers)
      caption.references.push_back(wrapped(one_line(answer)));
    captions.push_back(std::move(caption));
  }
  if (missed > 0) out.notes.push_back(plural(missed, "object") + " without a proposal");
  if (matching.matcher == "hits-only") {
    add(matching.captions->measures(captions, hits, CaptionTotals::kCorpus, matching.threads), out);
  } else if (matching.matcher == "miss-counts-zero") {
    for (Measure& one : matching.captions->measures(captions, {}, CaptionTotals::kMeanOfCaptions,
                                                    matching.threads)) {
      std::vector<double> earned = one.earned;
      for (std::size_t i = 0; i < earned.size(); ++i)
        if (hits[i] == 0 && one.missing.empty()) earned[i] = 0;
      Measure gated = mean(one.name, std::move(earned), one.sums.most);
      gated.missing = one.missing;
      out.measures.push_back(std::move(gated));
    }
  } else {
    add(matching.captions->measures(captions, {}, CaptionTotals::kCorpus, matching.threads), out);
  }
}

}  // namespace

void measure_texts(const Questions& questions, const Matching& matching, Measured& out) {
  switch (questions.task) {
    case Task::kSqa3d: measure_sqa3d(questions, matching, out); break;
    case Task::kScanQa: measure_scanqa(questions, matching, out); break;
    default: measure_scan2cap(questions, matching, out); break;
  }
}

}  // namespace vega::score
