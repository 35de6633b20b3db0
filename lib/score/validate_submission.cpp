#include "score/validate_submission.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/printable.h"
#include "scan/labels.h"

namespace vega::score {
namespace {

constexpr std::size_t kAnswersOfScanQa = 10, kCorners = 8;
// NYU40 ids of the classes that ScanRefer names; all others are one class.
constexpr std::array<int, 19> kNamed = {1,  2,  3,  4,  5,  6,  7,  8,  9, 10,
                                        11, 12, 14, 16, 24, 28, 33, 34, 36};
constexpr int kOthers = 39;

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

int class_of(const AskedQuestion& question, const scan::LabelMap& labels) {
  std::string name = question.object_name;
  std::replace(name.begin(), name.end(), '_', ' ');
  const int id = labels.contains(name) ? labels.nyu40(name) : kOthers;
  return std::find(kNamed.begin(), kNamed.end(), id) != kNamed.end() ? id : kOthers;
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
  const scan::LabelMap labels(labels_path);
  std::map<std::pair<std::string, int>, std::set<std::string>> objects;
  for (const AskedQuestion& question : questions.list)
    objects[{question.scene, class_of(question, labels)}].insert(question.object_id);
  Json out = Json::list();
  for (const AskedQuestion& question : questions.list) {
    if (question.object_id.empty() || question.ann_id.empty())
      throw InputError(explain("question '" + question.id + "'", "no object_id or ann_id",
                               "the rows of ScanRefer_filtered_test.json",
                               "give the original file with --gt"));
    const Answer& answer = answer_of(answers, question.id);
    if (answer.boxes.empty())
      throw InputError(
          explain("question '" + question.id + "'", "an answer without a box", "a box"));
    const int id = class_of(question, labels);
    out.push({{"scene_id", question.scene},
              {"object_id", question.object_id},
              {"ann_id", question.ann_id},
              {"bbox", corners_of(answer.boxes.front())},
              {"unique_multiple", objects[{question.scene, id}].size() > 1 ? 1 : 0},
              {"others", id == kOthers ? 1 : 0}});
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
