// ScanRefer, Multi3DRefer and Nr3D. Source: VEGA-3D, scripts/3d/eval; referit3d/referit3d; of
// ScanRefer about frames branch spatial-reasoning, lmms_eval/tasks/scanrefer,
// scripts/evaluation/eval_scanrefer.py.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "metrics/boxes.h"
#include "metrics/oriented_boxes.h"
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

// The proposal that overlaps a box most, the first of equal ones; the box itself where none does.
OrientedBox best_proposal(const SceneBoxes& proposals, const OrientedBox& box) {
  OrientedBox out = box;
  double most = 0;
  for (const auto& [place, numbers] : proposals) {
    OrientedBox one{};
    std::ranges::copy(numbers, one.begin());
    const double iou = metrics::oriented_iou(box, one);
    if (iou > most) most = iou, out = one;
  }
  return out;
}

void measure_frames(const Questions& questions, const Matching& matching, Measured& out) {
  std::vector<double> quarter, half;
  std::size_t small = 0, replaced = 0;
  for (const Question& question : questions.list) {
    const OrientedBox& truth = *question.truth.oriented;
    std::optional<OrientedBox> box = question.answer.oriented;
    small += metrics::has_small_face(truth) ? 1 : 0;
    if (box && matching.proposals != nullptr) {
      const std::string& scene =
          question.truth.scene.empty() ? question.answer.scene : question.truth.scene;
      const OrientedBox chosen = best_proposal(matching.proposals->of("--proposals", scene), *box);
      replaced += chosen != *box ? 1 : 0;
      box = chosen;
    }
    const double iou = box ? metrics::oriented_iou(*box, truth) : 0;
    quarter.push_back(iou >= 0.25 ? 100 : 0);
    half.push_back(iou >= 0.5 ? 100 : 0);
  }
  if (matching.proposals != nullptr) {
    out.matcher += ", best proposal";
    out.notes.push_back(fmt::format("a proposal stands for {}", plural(replaced, "answer")));
  }
  if (small > 0)
    out.warnings.push_back(
        fmt::format("{} with a face below 2 cm2: as in the released scorer nothing agrees with it",
                    plural(small, "ground-truth box")));
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
  if (questions.task == Task::kScanReferFrames) {
    measure_frames(questions, matching, out);
    return;
  }
  if (questions.task == Task::kScanRefer)
    measure_scanrefer(questions, out);
  else
    measure_multi3drefer(questions, matching, out);
  note_thin_boxes(questions, out);
}

}  // namespace vega::score
