// SQA3D: a file of questions and one of annotations, joined by question_id.
#include <fmt/core.h>

#include <map>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/printable.h"
#include "score/prepare_conversion.h"
#include "tasks/json_list.h"
#include "tasks/sqa3d.h"

namespace vega::score {
namespace {

namespace fs = std::filesystem;

// A question, from the file of questions.
struct Asked {
  std::string id, place, scene, question;
  std::vector<std::string> situations;  // the main one last
  bool annotated = false;
};

// Gives the rows of the list `member` of one of the files.
void each_row_of(Conversion& work, const fs::path& path, const std::string& member,
                 const std::function<void(const Row&)>& use) {
  const MappedFile file(path);
  bool there = false;
  const std::string what = fmt::format("v1_balanced_*_scannetv2.json with a list '{}'", member);
  tasks::each_member(file.text(), path.string(), what,
                     [&](const std::string& name, std::string_view value) {
                       if (name != member) return;
                       there = true;
                       work.each_row(value, path, what, use);
                     });
  if (!there) throw FormatError(explain(path.string(), fmt::format("no list '{}'", member), what));
}

Asked asked_of(Conversion& work, const Row& row, std::string id) {
  Asked out{std::move(id), row.place, row.json["scene_id"].text_or(""), row.words("question"), {}};
  const std::string situation = row.words("situation");
  const Json& others = row.json["alternative_situation"];
  const bool train = work.sources.split == Split::kTrain;
  for (std::size_t i = 0; train && i < others.size(); ++i) {
    const std::string place = row.at(fmt::format("alternative_situation[{}]", i));
    if (const std::string* text = others[i].text(); text != nullptr && !is_blank(*text))
      out.situations.push_back(*text);
    else
      work.leave_out(place, out.id, out.scene, explain(place, shown(others[i]), "a situation"));
  }
  out.situations.push_back(situation);
  return out;
}

void add_samples(Conversion& work, const Row& row, Asked& asked) {
  if (!asked.scene.empty() && row.scene() != asked.scene)
    row.refuse("scene_id",
               fmt::format("{}, as {} has it", printable(asked.scene, 80), asked.place));
  const Json& answers = row.json["answers"];
  const std::string* answer = answers[std::size_t{0}]["answer"].text();
  if (answers.size() != 1 || answer == nullptr) row.refuse("answers", "a list of one answer");
  asked.annotated = true;
  for (const std::string& situation : asked.situations) {
    tasks::Sample one =
        work.sample(row.json["question_id"], row.scene(),
                    {.situation = situation, .question = asked.question, .answer = *answer});
    one.question_type = tasks::sqa3d_type(asked.question);
    work.add(std::move(one));
  }
}

}  // namespace

void convert_sqa3d(Conversion& work) {
  const PrepareSources& sources = work.sources;
  std::vector<Asked> asked;
  std::map<std::string, std::size_t> places;
  each_row_of(work, sources.questions, "questions", [&](const Row& row) {
    const std::string id = row.id("question_id");
    if (places.contains(id))
      throw FormatError(explain(row.place,
                                fmt::format("question '{}' a second time", printable(id, 80)),
                                "each question once"));
    asked.push_back(asked_of(work, row, id));
    places[id] = asked.size() - 1;
  });
  std::size_t annotations = 0, known = 0;
  each_row_of(work, sources.annotations, "annotations", [&](const Row& row) {
    ++annotations;
    const std::string id = row.id("question_id");
    const auto at = places.find(id);
    if (at != places.end() || work.was_left_out(id)) ++known;
    if (at == places.end() && work.was_left_out(id)) return;  // its question is broken
    work.check_new(row, id);
    if (at == places.end())
      throw InputError(explain(row.place, fmt::format("no question '{}'", printable(id, 80)),
                               "a question of " + sources.questions.string(),
                               "are the files of one split?"));
    add_samples(work, row, asked[at->second]);
  });
  if (annotations > 0 && known == 0)
    throw InputError(explain(sources.annotations.string(),
                             "no annotation of a question of " + sources.questions.string(),
                             "both files of one split"));
  for (const Asked& one : asked)
    if (!one.annotated && !work.was_left_out(one.id))
      work.leave_out(
          one.place, one.id, one.scene,
          explain(one.place, "a question without annotation",
                  "one in " + sources.annotations.string(), "are the files of one split?"));
}

}  // namespace vega::score
