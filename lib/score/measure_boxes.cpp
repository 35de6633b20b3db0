// ScanRefer, Multi3DRefer and Nr3D. Source: VEGA-3D, scripts/3d/eval; referit3d/referit3d.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "metrics/boxes.h"
#include "score/measures.h"
#include "tasks/grounding.h"

namespace vega::score {
namespace {

constexpr double kThin = 0.01;  // metres

void note_thin_boxes(const Questions& questions, Measured& out) {
  std::size_t thin = 0;
  for (const Question& question : questions.list)
    for (const auto& box : question.truth.boxes)
      thin += std::min({box[3], box[4], box[5]}) < kThin ? 1 : 0;
  if (thin > 0)
    out.warnings.push_back(
        fmt::format("{} thinner than 1 cm: the 1e-8 of the official formula lowers the IoU of a "
                    "perfect answer there",
                    thin == 1 ? "1 ground-truth box" : fmt::format("{} ground-truth boxes", thin)));
}

void measure_scanrefer(const Questions& questions, Measured& out) {
  std::vector<double> quarter, half;
  for (const Question& question : questions.list) {
    const double iou = question.answer.boxes.empty()
                           ? 0
                           : metrics::box_iou(question.answer.boxes[0], question.truth.boxes[0]);
    quarter.push_back(iou >= 0.25 ? 100 : 0);
    half.push_back(iou >= 0.5 ? 100 : 0);
  }
  out.measures = {rate("Acc@0.25", std::move(quarter)), rate("Acc@0.5", std::move(half))};
}

void measure_multi3drefer(const Questions& questions, const Matching& matching, Measured& out) {
  const bool renormalised = matching.matcher == "renormalised";
  out.matcher = fmt::format("t={}{}", matching.threshold, renormalised ? ", renormalised" : "");
  std::vector<double> quarter, half;
  for (const Question& question : questions.list) {
    const Answer& answer = question.answer;
    std::vector<metrics::BoxNumbers> chosen;
    if (!answer.scores.empty() && std::isnan(answer.scores[0])) {
      chosen = answer.boxes;
    } else {
      for (const std::size_t i :
           tasks::chosen_boxes(answer.scores, {matching.threshold, renormalised}))
        chosen.push_back(answer.boxes[i]);
    }
    quarter.push_back(100 * metrics::boxes_f1(chosen, question.truth.boxes, 0.25));
    half.push_back(100 * metrics::boxes_f1(chosen, question.truth.boxes, 0.5));
  }
  out.measures = {mean("F1@0.25", std::move(quarter)), mean("F1@0.5", std::move(half))};
}

void measure_nr3d(const Questions& questions, Measured& out) {
  std::vector<double> right;
  double chance = 0;
  for (const Question& question : questions.list) {
    right.push_back(question.answer.object == question.truth.objects.at(0) ? 100 : 0);
    chance += 100.0 / static_cast<double>(question.truth.objects.size());
  }
  out.notes.push_back(fmt::format("chance among the objects of the target's class: {:.1f} %",
                                  chance / static_cast<double>(questions.list.size())));
  out.measures = {rate("accuracy", std::move(right))};
}

}  // namespace

void measure_boxes(const Questions& questions, const Matching& matching, Measured& out) {
  if (questions.task == Task::kNr3d) {
    measure_nr3d(questions, out);
    return;
  }
  if (questions.task == Task::kScanRefer)
    measure_scanrefer(questions, out);
  else
    measure_multi3drefer(questions, matching, out);
  note_thin_boxes(questions, out);
}

}  // namespace vega::score
