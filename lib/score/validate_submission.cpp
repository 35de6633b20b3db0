#include "score/validate_submission.h"

#include <map>
#include <vector>

#include "base/error.h"
#include "base/printable.h"
#include "score/object_classes.h"

namespace vega::score {
namespace {

constexpr std::size_t kAnswersOfScanQa = 10, kCorners = 8;

Json zero_corners() {
  Json out = Json::list();
  for (std::size_t i = 0; i < kCorners; ++i) out.push(Json::list({Json(0), Json(0), Json(0)}));
  return out;
}

Json corners_of(const metrics::BoxNumbers& box) {
  Json out = Json::list();
  for (std::size_t corner = 0; corner < kCorners; ++corner) {
    Json point = Json::list();
    for (std::size_t axis = 0; axis < 3; ++axis) {
      const double half = box[3 + axis] / 2;
      point.push(box[axis] + ((corner >> axis & 1) != 0 ? half : -half));
    }
    out.push(std::move(point));
  }
  return out;
}

const Answer& answer_of(const std::map<std::string, const Answer*>& answers,
                        const std::string& id) {
  const auto found = answers.find(id);
  if (found == answers.end())
    throw InputError(explain("question '" + printable(id) + "'", "no answer", "an answer to each"));
  return *found->second;
}

Json scanqa(const std::map<std::string, const Answer*>& answers, const AskedQuestions& questions) {
  Json out = Json::list();
  for (const AskedQuestion& question : questions.list) {
    const std::vector<Json> same(kAnswersOfScanQa, Json(answer_of(answers, question.id).text));
    out.push({{"scene_id", question.scene},
              {"question_id", question.id},
              {"answer_top10", Json(same)},
              {"bbox", zero_corners()}});
  }
  return out;
}

Json scanrefer(const std::map<std::string, const Answer*>& answers, const AskedQuestions& questions,
               const std::filesystem::path& labels_path) {
  if (labels_path.empty())
    throw UsageError(explain("--submission", "no --labels", "scannetv2-labels.combined.tsv",
                             "the server tells unique from multiple objects by the file"));
  std::vector<NamedObject> objects;
  for (const AskedQuestion& question : questions.list)
    objects.push_back({question.scene, question.object_id, question.object_name});
  const auto classes = object_classes(objects, labels_path);
  Json out = Json::list();
  for (std::size_t i = 0; i < questions.list.size(); ++i) {
    const AskedQuestion& question = questions.list[i];
    if (question.object_id.empty() || question.ann_id.empty())
      throw InputError(explain("question '" + question.id + "'", "no object_id or ann_id",
                               "the rows of ScanRefer_filtered_test.json",
                               "give the original file with --gt"));
    const Answer& answer = answer_of(answers, question.id);
    if (answer.boxes.empty())
      throw InputError(
          explain("question '" + question.id + "'", "an answer without a box", "a box"));
    out.push({{"scene_id", question.scene},
              {"object_id", question.object_id},
              {"ann_id", question.ann_id},
              {"bbox", corners_of(answer.boxes.front())},
              {"unique_multiple", classes[i].multiple ? 1 : 0},
              {"others", classes[i].others ? 1 : 0}});
  }
  return out;
}

}  // namespace

std::string no_server(Task task) {
  switch (task) {
    case Task::kScanQa:
    case Task::kScanRefer: return {};
    case Task::kScan2Cap:
      return "the server of Scan2Cap takes detections and captions of whole scenes, which answer "
             "files do not hold";
    case Task::kMulti3DRefer:
      return "Multi3DRefer has no server: it is scored on its validation split (vega-eval score)";
    default:
      return std::string(benchmark_of(task).title) +
             " has no server: its answers are public (vega-eval score)";
  }
}

std::string submission_text(const AnswerFile& answers, const AskedQuestions& questions,
                            const std::filesystem::path& labels) {
  if (const std::string why = no_server(answers.task); !why.empty())
    throw UsageError(explain("--submission", why));
  std::map<std::string, const Answer*> by_id;
  for (const Answer& answer : answers.answers) by_id[answer.id] = &answer;
  const Json out = answers.task == Task::kScanQa ? scanqa(by_id, questions)
                                                 : scanrefer(by_id, questions, labels);
  return out.dump() + "\n";
}

}  // namespace vega::score
