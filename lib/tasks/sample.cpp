#include "tasks/sample.h"

#include <algorithm>

#include "base/error.h"
#include "tasks/box_answer.h"
#include "tasks/pictures.h"
#include "tasks/prompts.h"
#include "text/python_json.h"

namespace vega::tasks {
namespace {

Json turns(const Sample& sample) {
  return Json::list({Json{{"value", sample.user}, {"from", "human"}},
                     Json{{"value", sample.answer}, {"from", "gpt"}}});
}

// The metadata that every benchmark has.
Json metadata(const Sample& sample) {
  return {{"dataset", dataset_name(sample.task)}, {"question_type", sample.question_type}};
}

Json box_or_null(const std::optional<BoxNumbers>& box) { return box ? Json(*box) : Json(); }

Json first_box(const Sample& sample) {
  return sample.boxes.empty() ? Json() : Json(sample.boxes.front());
}

Json truth_of(const Sample& sample) {
  if (!sample.has_truth) return {};
  switch (sample.task) {
    case Task::kScanRefer: return first_box(sample);
    case Task::kMulti3DRefer: return sample.boxes;
    case Task::kNr3d: return sample.object_id;
    case Task::kScanReferFrames: return *sample.oriented;
    case Task::kScan2Cap:
    case Task::kScan2CapFrames:
      return sample.captions.empty() ? Json::list({Json(sample.answer)}) : Json(sample.captions);
    default: return sample.answer;
  }
}

}  // namespace

bool is_grounding(Task task) {
  return task == Task::kScanRefer || task == Task::kMulti3DRefer || task == Task::kNr3d;
}

std::string_view dataset_name(Task task) {
  return task == Task::kScanQa ? "scanQA" : name_in<Task>(kTasks, task);
}

Json to_json(const Sample& sample) {
  Json out = {{"id", sample.id}};
  if (is_about_pictures(sample.task) || is_about_frames(sample.task))
    out.add("images", sample.pictures);
  else
    out.add("video", sample.video);
  out.add("conversations", turns(sample));
  Json meta = metadata(sample);
  const auto add_ids = [&] {
    meta.add("ann_id", sample.ann_id);
    meta.add("object_id", sample.object_id);
  };
  switch (sample.task) {
    case Task::kScanRefer:
      out.add("box", first_box(sample));
      add_ids();
      break;
    case Task::kMulti3DRefer:
      out.add("box", sample.has_truth ? Json(sample.boxes) : Json());
      add_ids();
      break;
    case Task::kScan2Cap:
      out.add("box_input", box_or_null(sample.box_input));
      out.add("gt_box", first_box(sample));
      add_ids();
      break;
    case Task::kNr3d:
      out.add("box", first_box(sample));
      add_ids();
      meta.add("distractors", sample.distractors);
      meta.add("candidates", sample.candidates);
      break;
    case Task::kScanQa:
      if (!sample.answers.empty()) meta.add("answers", sample.answers);
      break;
    case Task::kSqa3d:
    case Task::kSpar:
    case Task::kLlavaHound: break;
    case Task::kVsi:
      if (!sample.options.empty()) meta.add("options", sample.options);
      break;
    case Task::kCvBench: meta.add("source", sample.source); [[fallthrough]];
    case Task::kBlink: meta.add("options", sample.options); break;
    case Task::kScanReferFrames:
      add_ids();
      out.add("gt_bbox", sample.oriented ? Json(*sample.oriented) : Json());
      break;
    case Task::kScan2CapFrames:
      add_ids();
      out.add("input_box", box_or_null(sample.box_input));
      out.add("gt_box", first_box(sample));
      out.add("iou", sample.proposal_iou ? Json(*sample.proposal_iou) : Json());
      break;
  }
  out.add("metadata", std::move(meta));
  if (!sample.captions.empty()) out.add("annotations", sample.captions);
  if (sample.task == Task::kScanReferFrames) {
    Json cameras = Json::list();
    for (const Pose& frame : sample.cameras.frames) cameras.push(rows_of(frame));
    out.add("cam2global", std::move(cameras));
    out.add("axis_align_matrix", rows_of(sample.cameras.align));
  }
  return out;
}

std::string samples_text(const std::vector<Sample>& samples) {
  std::string out = "[";
  for (const Sample& sample : samples) {
    if (out.size() > 1) out += ", ";
    out += text::python_json(to_json(sample));
  }
  return out + "]";
}

std::size_t chosen_object(const Prediction& prediction) {
  const std::size_t boxes = prediction.objects.size();
  if (boxes == 0)
    throw InputError(
        explain("a grounding answer", "no box", "one at least", "the scene has no proposal"));
  if (prediction.scores.size() != boxes + 1)
    throw InputError(explain("a grounding answer",
                             std::to_string(prediction.scores.size()) + " scores",
                             std::to_string(boxes + 1) + ": one a box, then one for no object"));
  const auto first = prediction.scores.begin();
  return static_cast<std::size_t>(std::max_element(first, prediction.scores.end() - 1) - first);
}

Json answer_line(const Sample& sample, const Prediction& prediction, const std::string& model_id) {
  const std::string& instruction = released_prompts(sample.task).instruction();
  Json out = {{"dataset", dataset_name(sample.task)},
              {"sample_id", sample.id},
              {"prompt", instruction + (instruction.empty() ? "" : "\n") + sample.user}};
  switch (sample.task) {
    case Task::kScanRefer:
      out.add("pred_response", prediction.objects.at(chosen_object(prediction)));
      break;
    case Task::kMulti3DRefer:
      out.add("scores", prediction.scores);
      out.add("objects", prediction.objects);
      break;
    case Task::kNr3d: {
      const std::size_t chosen = chosen_object(prediction);
      if (prediction.ids.size() != prediction.objects.size())
        throw InputError(explain("an answer of Nr3D",
                                 std::to_string(prediction.ids.size()) + " object ids",
                                 std::to_string(prediction.objects.size()) + ", one a box"));
      out.add("pred_response", prediction.ids[chosen]);
      break;
    }
    default: out.add("pred_response", prediction.text); break;
  }
  if (sample.task == Task::kScanReferFrames) {
    std::string why;
    const auto box = answered_box(prediction.text, sample.cameras.world(), why);
    out.add("pred_bbox", box ? Json(*box) : Json());
  }
  out.add("gt_response", truth_of(sample));
  out.add("model_id", model_id);
  out.add("question_type", sample.question_type);
  if (sample.task == Task::kScan2Cap) out.add("scene", sample.video);
  if (sample.task == Task::kVsi) {
    out.add("scene", sample.scene);
    if (!sample.options.empty()) out.add("options", sample.options);
  }
  if (is_about_frames(sample.task)) out.add("scene", sample.scene);
  if (is_about_pictures(sample.task)) {
    out.add("images", sample.pictures);
    if (!sample.source.empty()) out.add("source", sample.source);
    out.add("options", sample.options);
  }
  return out;
}

}  // namespace vega::tasks
