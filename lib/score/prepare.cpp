#include "score/prepare.h"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/key.h"
#include "base/mapped_file.h"
#include "base/printable.h"
#include "base/text.h"
#include "score/lines.h"
#include "score/nr3d_table.h"
#include "score/object_classes.h"
#include "score/prepare_row.h"
#include "tasks/json_list.h"
#include "tasks/sqa3d.h"

namespace vega::score {
namespace {

namespace fs = std::filesystem;
using tasks::Sample;
using tasks::Task;

constexpr std::size_t kMostProposals = 50;  // of a scene, as the release takes them
constexpr double kStandsFor = 0.5;          // IoU from which a proposal stands for an object

// The work of one call.
class Preparation {
 public:
  explicit Preparation(const PrepareSources& sources)
      : s_(sources),
        prompt_((sources.prompts ? *sources.prompts : tasks::released_prompts()).of(sources.task)),
        boxes_(sources.boxes) {}

  Prepared run() {
    const bool objects = s_.task != Task::kScanQa && s_.task != Task::kSqa3d;
    if (objects && !is_test()) boxes_.require_files(s_.annotations.string());
    switch (s_.task) {
      case Task::kScanRefer: scanrefer(); break;
      case Task::kMulti3DRefer: multi3drefer(); break;
      case Task::kScan2Cap: scan2cap(); break;
      case Task::kScanQa: scanqa(); break;
      case Task::kSqa3d: sqa3d(); break;
      case Task::kNr3d: nr3d(); break;
    }
    return std::move(out_);
  }

 private:
  bool is_test() const { return s_.split == Split::kTest; }

  // Gives the good elements of a list to `use`; what it throws as InputError, and elements that are
  // no objects, are left out.
  void each_row(std::string_view list, const fs::path& file, const std::string& what,
                const std::function<void(Row&&)>& use) {
    tasks::each_element(list, file.string(), what, [&](std::size_t index, std::string_view text) {
      const std::string place = file.string() + ": [" + std::to_string(index) + "]";
      Row row{index, place, {}};
      std::string scene, id;
      try {
        row.json = tasks::parse_element(text, out_.repaired);
        if (!row.json.is_object())
          throw FormatError(explain(place, shown(row.json), "a JSON object"));
        scene = row.json["scene_id"].text_or("");
        id = id_text(row.json["question_id"]).value_or("");
        row.json.erase("token");  // long, and not needed
        use(std::move(row));
      } catch (const InputError& error) {
        if (scene.empty()) scene = tasks::member_of_broken(text, "scene_id").text_or("");
        if (id.empty()) id = id_text(tasks::member_of_broken(text, "question_id")).value_or("");
        if (!id.empty()) named_.insert(id);
        leave_out(place, id.empty() ? std::to_string(index) : id, scene, error.what());
      }
    });
  }
  void leave_out(const std::string& place, const std::string& id, const std::string& scene,
                 const std::string& why) {
    out_.left_out.push_back({place, printable(id, 80), printable(scene, 80), why});
  }
  // Again, for rows that were read before.
  void each_row(std::vector<Row>& rows, const std::function<void(const Row&)>& use) {
    for (Row& row : rows) {
      try {
        use(row);
      } catch (const InputError& error) {
        leave_out(row.place, std::to_string(row.index), row.json["scene_id"].text_or(""),
                  error.what());
      }
    }
  }

  // What every sample has.
  Sample sample(Json id, const std::string& scene, const tasks::TaskText& text) const {
    Sample out;
    out.task = s_.task;
    out.id = std::move(id);
    out.id_text = id_text(out.id).value_or("");
    out.scene = scene;
    out.video = "scannet/" + scene;
    out.user = tasks::filled(prompt_.user, text);
    out.answer = tasks::filled(prompt_.answer, text);
    return out;
  }
  // The record as its readers will see it: what they would refuse is refused here.
  void add(Sample&& one) {
    tasks::sample_of(tasks::to_json(one), s_.task);
    out_.samples.push_back(std::move(one));
  }
  // Rows of one scene, object and annotation: all are asked, as released.
  void count_repeated(const Row& row, const char* object) {
    if (row.json["ann_id"].is_null()) return;
    count_repeated(row.json["scene_id"].dump() + row.json[object].dump() +
                   row.json["ann_id"].dump() + row.json["description"].dump());
  }
  void count_repeated(const std::string& key) {
    if (!rows_.insert(key).second) ++out_.repeated;
  }
  void check_new(const Row& row, const std::string& id) {
    if (!ids_.insert(id).second)
      throw FormatError(explain(row.place, "question '" + printable(id, 80) + "' a second time",
                                "each question once"));
  }

  std::int64_t object(const Row& row, const Json& id, std::string_view field) const {
    const auto text = id_text(id);
    const auto whole = text ? parse_whole(*text) : std::nullopt;
    if (!whole) row.refuse(field, "a whole number");
    return *whole;
  }

  // Rows of ScanRefer, with unique or multiple as their question_type.
  std::vector<Row> scanrefer_rows(std::vector<std::string>& types) {
    const MappedFile file(s_.annotations);
    std::vector<Row> rows;
    each_row(text_of(file), s_.annotations, "ScanRefer_filtered_*.json", [&](Row&& row) {
      if (s_.task == Task::kScan2Cap)  // there it is an answer
        row.text("description");
      else
        row.words("description");
      row.scene();
      if (!is_test()) row.id("object_id");
      count_repeated(row, "object_id");
      rows.push_back(std::move(row));
    });
    if (s_.labels.empty()) {
      for (const Row& row : rows) types.push_back(row.json["eval_type"].text_or(""));
      if (!is_test() && !rows.empty() && std::find(types.begin(), types.end(), "") != types.end())
        throw InputError(explain(s_.annotations.string(), "rows without eval_type",
                                 "unique or multiple, which the release adds to the file",
                                 "give --labels scannetv2-labels.combined.tsv"));
      return rows;
    }
    std::vector<NamedObject> objects;
    for (const Row& row : rows)
      objects.push_back({row.scene(), id_text(row.json["object_id"]).value_or(""),
                         row.json["object_name"].text_or("")});
    for (const ObjectClass& one : object_classes(objects, s_.labels))
      types.emplace_back(one.multiple ? "multiple" : "unique");
    return rows;
  }

  void scanrefer() {
    std::vector<std::string> types;
    std::vector<Row> rows = scanrefer_rows(types);
    std::size_t at = 0;
    each_row(rows, [&](const Row& row) {
      const std::string& type = types[at++];
      Sample one = sample(row.index, row.scene(), {.description = row.text("description")});
      one.question_type = type;
      one.ann_id = row.json["ann_id"];
      one.object_id = row.json["object_id"];
      if (is_test())
        one.has_truth = false;
      else
        one.boxes = {boxes_.box(row.place + ".object_id", one.scene,
                                object(row, one.object_id, "object_id"))};
      add(std::move(one));
    });
    note_test();
  }

  void multi3drefer() {
    const MappedFile file(s_.annotations);
    each_row(text_of(file), s_.annotations, "multi3drefer_*.json", [&](Row&& row) {
      count_repeated(row, "object_ids");
      Sample one = sample(row.index, row.scene(), {.description = row.words("description")});
      one.question_type = row.json["eval_type"].text_or("");
      one.ann_id = row.json["ann_id"];
      one.object_id = row.json["object_ids"];
      one.has_truth = !is_test();
      if (!is_test()) {
        if (!one.object_id.is_list()) row.refuse("object_ids", "a list of object ids");
        row.text("eval_type");
        for (const Json& id : one.object_id.elements())
          one.boxes.push_back(
              boxes_.box(row.place + ".object_ids", one.scene, object(row, id, "object_ids")));
      }
      add(std::move(one));
    });
    note_test();
  }

  static std::string object_key(const Row& row) {
    return row.scene() + "|" + row.id("object_id") + "|" + row.json["object_name"].text_or("");
  }

  void scan2cap() {
    std::vector<std::string> types;
    std::vector<Row> rows = scanrefer_rows(types);
    BoxSource proposals(s_.proposals);
    if (s_.split != Split::kTrain) proposals.require_files(s_.annotations.string());
    if (is_test()) {
      scan2cap_test(rows, proposals);
      return;
    }
    const bool train = s_.split == Split::kTrain;
    std::map<std::string, std::vector<std::string>> captions;
    if (!train)
      for (const Row& row : rows) captions[object_key(row)].push_back(row.text("description"));
    std::size_t at = 0;
    each_row(rows, [&](const Row& row) {
      const std::string type = types[at++], key = object_key(row);
      if (!train && !ids_.insert(key).second) return;  // an object is one question
      Sample one = sample(row.index, row.scene(), {.description = row.text("description")});
      one.question_type = type;
      one.ann_id = row.json["ann_id"];
      one.object_id = row.json["object_id"];
      one.boxes = {
          boxes_.box(row.place + ".object_id", one.scene, object(row, one.object_id, "object_id"))};
      one.box_input = train ? one.boxes[0] : stand_in(row, proposals, one);
      one.no_proposal = !one.box_input;
      if (!train) one.captions = captions.at(key);
      const bool missed = one.no_proposal;
      add(std::move(one));
      out_.missed += missed ? 1 : 0;
    });
  }
  // The proposal that overlaps the object most, where one does by half.
  std::optional<metrics::BoxNumbers> stand_in(const Row& row, BoxSource& proposals,
                                              const Sample& one) const {
    std::optional<metrics::BoxNumbers> out;
    double most = 0;
    std::size_t taken = 0;
    for (const auto& [place, box] : proposals.of(row.place, one.scene)) {
      if (taken++ == kMostProposals) break;
      const double iou = metrics::box_iou(box, one.boxes[0]);
      if (iou >= kStandsFor && iou > most) most = iou, out = box;
    }
    return out;
  }
  // Every proposal of the scenes that the file names is a question.
  void scan2cap_test(std::vector<Row>& rows, BoxSource& proposals) {
    each_row(rows, [&](const Row& row) {
      const std::string scene = row.scene();
      if (!ids_.insert(scene).second) return;
      std::size_t taken = 0;
      for (const auto& [place, box] : proposals.of(row.place, scene)) {
        if (taken++ == kMostProposals) break;
        Sample one = sample(scene + "_" + std::to_string(place), scene, {});
        one.box_input = box;
        one.has_truth = false;
        add(std::move(one));
      }
    });
    out_.notes.push_back(
        "test split: its objects are not public; every proposal of its scenes is a question");
  }

  void scanqa() {
    const MappedFile file(s_.annotations);
    each_row(text_of(file), s_.annotations, "ScanQA_v1.0_*.json", [&](Row&& row) {
      const std::string id = row.id("question_id"), question = row.words("question");
      check_new(row, id);
      std::vector<std::string> answers;
      const Json& list = row.json["answers"];
      if (!is_test()) {
        if (!list.is_list() || list.size() == 0) row.refuse("answers", "a list of texts");
        for (const Json& one : list.elements()) {
          if (one.text() == nullptr) row.refuse("answers", "a list of texts");
          answers.push_back(*one.text());
        }
      }
      const std::size_t many = s_.split == Split::kTrain ? answers.size() : 1;
      for (std::size_t i = 0; i < many; ++i) {
        Sample one = sample("scanqa_" + id + "_" + std::to_string(i), row.scene(),
                            {.question = question, .answer = is_test() ? "" : answers[i]});
        one.question_type = "unknow";  // as the release spells it
        if (s_.split == Split::kVal) one.answers = answers;
        one.has_truth = !is_test();
        add(std::move(one));
      }
    });
    if (is_test()) out_.notes.emplace_back("test split: its answers are not public");
  }

  // Gives the rows of the list `member` of one of SQA3D's files.
  void each_sqa3d(const fs::path& path, const std::string& member,
                  const std::function<void(Row&&)>& use) {
    const MappedFile file(path);
    bool there = false;
    const std::string what = "v1_balanced_*_scannetv2.json with a list '" + member + "'";
    tasks::each_member(text_of(file), path.string(), what,
                       [&](const std::string& name, std::string_view value) {
                         if (name != member) return;
                         there = true;
                         each_row(value, path, what, use);
                       });
    if (!there) throw FormatError(explain(path.string(), "no list '" + member + "'", what));
  }
  // What the file of SQA3D's questions says.
  struct Asked {
    std::string id, place, scene, question;
    std::vector<std::string> situations;  // the main one last
    bool annotated = false;
  };
  Asked asked_of(const Row& row, std::string id) {
    Asked out{std::move(id),
              row.place,
              std::string(row.json["scene_id"].text_or("")),
              row.words("question"),
              {}};
    const std::string situation = row.words("situation");
    const Json& others = row.json["alternative_situation"];
    for (std::size_t i = 0; s_.split == Split::kTrain && i < others.size(); ++i) {
      const std::string place = row.place + ".alternative_situation[" + std::to_string(i) + "]";
      if (const std::string* text = others[i].text(); text != nullptr && !is_blank(*text))
        out.situations.push_back(*text);
      else
        leave_out(place, out.id, out.scene, explain(place, shown(others[i]), "a situation"));
    }
    out.situations.push_back(situation);
    return out;
  }

  void sqa3d() {
    std::vector<Asked> asked;
    std::map<std::string, std::size_t> places;
    each_sqa3d(s_.questions, "questions", [&](Row&& row) {
      const std::string id = row.id("question_id");
      if (places.contains(id))
        throw FormatError(explain(row.place, "question '" + printable(id, 80) + "' a second time",
                                  "each question once"));
      asked.push_back(asked_of(row, id));
      places[id] = asked.size() - 1;
    });
    std::size_t annotations = 0, known = 0;
    each_sqa3d(s_.annotations, "annotations", [&](Row&& row) {
      ++annotations;
      const std::string id = row.id("question_id");
      const auto at = places.find(id);
      if (at != places.end() || named_.contains(id)) ++known;
      if (at == places.end() && named_.contains(id)) return;  // its question is broken
      check_new(row, id);
      if (at == places.end())
        throw InputError(explain(row.place, "no question '" + printable(id, 80) + "'",
                                 "a question of " + s_.questions.string(),
                                 "are the files of one split?"));
      add_sqa3d(row, asked[at->second]);
    });
    if (annotations > 0 && known == 0)
      throw InputError(explain(s_.annotations.string(),
                               "no annotation of a question of " + s_.questions.string(),
                               "both files of one split"));
    for (const Asked& one : asked)
      if (!one.annotated && !named_.contains(one.id))
        leave_out(one.place, one.id, one.scene,
                  explain(one.place, "a question without annotation",
                          "one in " + s_.annotations.string(), "are the files of one split?"));
  }
  void add_sqa3d(const Row& row, Asked& asked) {
    if (!asked.scene.empty() && row.scene() != asked.scene)
      row.refuse("scene_id", printable(asked.scene, 80) + ", as " + asked.place + " has it");
    const Json& answers = row.json["answers"];
    const std::string* answer = answers[std::size_t{0}]["answer"].text();
    if (answers.size() != 1 || answer == nullptr) row.refuse("answers", "a list of one answer");
    asked.annotated = true;
    for (const std::string& situation : asked.situations) {
      Sample one = sample(row.json["question_id"], row.scene(),
                          {.situation = situation, .question = asked.question, .answer = *answer});
      one.question_type = tasks::sqa3d_type(asked.question);
      add(std::move(one));
    }
  }

  void nr3d() {
    const MappedFile file(s_.annotations);
    const auto use = [&](Nr3dRow&& row) {
      if (!row.left_out.empty()) {
        ++out_.dropped[row.left_out];
        return;
      }
      const std::string place = s_.annotations.string() + ": row " + row.id;
      if (!row.assignment.empty())
        count_repeated(row.stimulus.scan + "|" + std::to_string(row.stimulus.target) + "|" +
                       row.assignment + "|" + row.utterance);
      try {
        add(nr3d_sample(row, place));
      } catch (const InputError& error) {
        leave_out(place, row.id, row.stimulus.scan, error.what());
      }
    };
    each_nr3d_row(strip_bom(text_of(file)), s_.annotations.string(), s_.scans, use,
                  [&](const std::string& id, const std::string& place, const std::string& what) {
                    leave_out(place, id, "", what);
                  },
                  {"utterance"});
  }
  Sample nr3d_sample(const Nr3dRow& row, const std::string& place) {
    if (!is_utf8(row.utterance))
      throw FormatError(explain(place + ": utterance", "bytes that are not UTF-8", "UTF-8",
                                "save the file as UTF-8"));
    if (is_blank(row.utterance))
      throw FormatError(explain(place + ": utterance", "nothing", "a description"));
    if (!is_key(row.stimulus.scan))
      throw FormatError(explain(place + ": stimulus_id", printable(row.stimulus.scan, 80),
                                "the name of a scan in front"));
    Sample one = sample(*parse_whole(row.id), row.stimulus.scan, {.description = row.utterance});
    one.question_type = row.type;
    one.boxes = {boxes_.box(place, one.scene, row.stimulus.target)};
    if (const auto assignment = parse_whole(row.assignment)) one.ann_id = *assignment;
    one.object_id = std::to_string(row.stimulus.target);
    one.distractors = row.stimulus.distractors;
    for (const auto& [id, box] : boxes_.of(place, one.scene)) one.candidates.push_back(id);
    return one;
  }

  void note_test() {
    if (is_test())
      out_.notes.emplace_back(
          "test split: its objects are not public; boxes are null, and answers come from the "
          "proposals of a detector");
  }

  static std::string_view text_of(const MappedFile& file) {
    return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
  }

  const PrepareSources& s_;
  const tasks::Prompt prompt_;
  BoxSource boxes_;
  Prepared out_;
  std::set<std::string> ids_, rows_;
  std::set<std::string> named_;  // ids of questions that were left out
};

}  // namespace

Prepared prepare_samples(const PrepareSources& sources) { return Preparation(sources).run(); }

}  // namespace vega::score
