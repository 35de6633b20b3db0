#include "score/validate_questions.h"

#include <set>
#include <tuple>

#include "base/error.h"
#include "base/json.h"
#include "base/printable.h"
#include "base/text.h"
#include "score/answers.h"
#include "score/lines.h"
#include "score/nr3d_table.h"
#include "score/question_lines.h"
#include "score/row.h"
#include "score/truth.h"
#include "tasks/pictures.h"
#include "tasks/sample_members.h"

namespace vega::score {
namespace {

namespace fs = std::filesystem;

std::string member(const Json& json, const char* name) { return id_text(json[name]).value_or(""); }

// One element of an annotation file that is a list.
std::optional<AskedQuestion> question_of(
    Task task, const Json& json, std::size_t row,
    std::set<std::tuple<std::string, std::string, std::string>>& objects) {
  AskedQuestion out{.scene = member(json, "scene_id"),
                    .object_id = member(json, "object_id"),
                    .ann_id = member(json, "ann_id"),
                    .object_name = member(json, "object_name")};
  if (json.contains("conversations")) {
    out.id = question_id(task, member(json, "id"));
    const std::string video = member(json, "video");
    out.scene = task == Task::kVsi ? video.substr(video.rfind('/') + 1) : scene_in(video);
    if (is_about_frames(task)) {
      if (!json.contains("id")) out.id = std::to_string(row);
      out.scene = scene_in(json["images"][std::size_t{0}].text_or(""));
    }
    if (is_about_pictures(task)) {
      std::vector<std::string> names;
      for (const Json& name : json["images"].elements()) names.push_back(name.text_or(""));
      out.scene = tasks::joined_names(names);
    }
    return out;
  }
  switch (task) {
    case Task::kScanQa:
    case Task::kSqa3d: out.id = member(json, "question_id"); break;
    case Task::kVsi:
      out.id = member(json, "id");
      out.scene = member(json, "scene_name");
      break;
    case Task::kCvBench:
    case Task::kBlink:
      if (task == Task::kBlink && tasks::is_other_blink_task(member(json, "sub_task")))
        return std::nullopt;
      out.id = member(json, "idx");
      out.scene = tasks::joined_names(picture_names(task, json, out.id));
      break;
    case Task::kScan2Cap:  // the rows of one object are one question
      if (!objects.emplace(out.scene, out.object_id, out.object_name).second) return std::nullopt;
      [[fallthrough]];
    default: out.id = out.scene.empty() ? "" : std::to_string(row); break;
  }
  return out;
}

[[noreturn]] void refuse_form(Task task, const fs::path& file) {
  throw FormatError(explain(file.string(), "no known form",
                            "an annotation file of " + std::string(benchmark_of(task).title) +
                                ", original or processed"));
}

AskedQuestions from_json(Task task, const std::string& text, const fs::path& file) {
  std::size_t repaired = 0;
  const Json json = parse_json(with_whole_surrogates(text, repaired),
                               {file.string(), "an annotation file"}, large_json());
  const Json& list = json["questions"].is_list()     ? json["questions"]
                     : json["annotations"].is_list() ? json["annotations"]
                                                     : json;
  if (!list.is_list() || list.size() == 0) refuse_form(task, file);
  AskedQuestions out;
  std::set<std::tuple<std::string, std::string, std::string>> objects;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i].contains("conversations"))
      (is_about_frames(task) ? tasks::check_frames_dataset : tasks::check_dataset)(
          list[i], name_in(task_names(), task), row_of(file, i, list[i]).at("metadata.dataset"));
    auto question = question_of(task, list[i], i, objects);
    if (!question) continue;
    if (question->id.empty()) refuse_form(task, file);
    out.list.push_back(std::move(*question));
  }
  return out;
}

AskedQuestions from_lines(Task task, const std::string& text, const fs::path& file) {
  AskedQuestions out;
  std::set<std::tuple<std::string, std::string, std::string>> objects;
  each_record(text, file.string(), "a question", [&](std::size_t line, const Json& record) {
    auto question = question_of(task, record, line - 1, objects);
    if (!question) return;
    if (question->id.empty()) refuse_form(task, file);
    out.list.push_back(std::move(*question));
  });
  return out;
}

AskedQuestions from_nr3d(const std::string& text, const fs::path& file, const fs::path& scans) {
  TruthFile facts;
  AskedQuestions out;
  for (Truth& truth : read_nr3d_table(text, file.string(), scans, facts))
    out.list.push_back({.id = std::move(truth.id), .scene = std::move(truth.scene)});
  for (const auto& [id, reason] : facts.left_out) out.left_out.insert(id);
  return out;
}

}  // namespace

AskedQuestions read_questions(Task task, const fs::path& file, const fs::path& scans) {
  const std::string text = file_text(file);
  if (trim(text).empty())
    throw FormatError(explain(file.string(), "an empty file", "an annotation file"));
  const bool lines = has_question_lines(task) && !text.starts_with('[');
  const bool table = task == Task::kNr3d && !trim(text).starts_with('[');
  AskedQuestions out = table   ? from_nr3d(text, file, scans)
                       : lines ? from_lines(task, text, file)
                               : from_json(task, text, file);
  for (std::size_t i = 0; i < out.list.size(); ++i) {
    if (!out.place.try_emplace(out.list[i].id, i).second)
      throw FormatError(explain(file.string(), "question '" + printable(out.list[i].id) + "' twice",
                                "each question once", "training splits repeat ids"));
  }
  return out;
}

}  // namespace vega::score
