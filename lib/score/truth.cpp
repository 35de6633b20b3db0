#include "score/truth.h"

#include <optional>
#include <tuple>

#include "base/error.h"
#include "base/printable.h"
#include "base/text.h"
#include "score/box_numbers.h"
#include "score/lines.h"
#include "score/nr3d_table.h"
#include "score/object_classes.h"
#include "score/question_lines.h"
#include "score/row.h"
#include "tasks/frame_members.h"
#include "tasks/pictures.h"
#include "tasks/sample_members.h"
#include "tasks/sqa3d.h"

namespace vega::score {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> texts(const Row& row, const Json& list, std::string_view field) {
  std::vector<std::string> out;
  if (!list.is_list()) row.refuse(field, "a list of texts");
  for (const Json& one : list.elements()) {
    const std::string* text = one.is_object() ? one["answer"].text() : one.text();
    if (text == nullptr) row.refuse(field, "a list of texts");
    out.push_back(*text);
  }
  return out;
}

[[noreturn]] void no_answers(const Row& row) {
  throw InputError(explain(row.place, "a question without answers",
                           "a split whose answers are public",
                           "the benchmark's own server scores this split: vega-eval validate "
                           "--submission writes what it takes"));
}

BoxSource box_source(const TruthSources& sources) {
  return BoxSource({sources.boxes, sources.scenes, sources.read_scene});
}

// The right option of a question about pictures, as its letter alone.
std::string letter_of(const Row& row, const Json& answer, std::string_view field) {
  const auto letter = tasks::right_letter(answer.text_or(""));
  if (letter) return std::string(1, *letter);
  if (answer.text_or("hidden") == "hidden") no_answers(row);
  throw FormatError(explain(row.at(field), shown(answer), "the letter of an option, as (C) or C"));
}

// The target, then the others of its class.
std::vector<std::int64_t> nr3d_objects(const Row& row) {
  const Json& meta = row.json["metadata"];
  const auto whole = [&](const Json& id) {
    const auto text = id_text(id);
    const auto out = text ? parse_whole(*text) : std::nullopt;
    if (!out) row.refuse("metadata", "object_id and distractors: object ids");
    return *out;
  };
  std::vector<std::int64_t> out{whole(meta["object_id"])};
  for (const Json& id : meta["distractors"].elements()) out.push_back(whole(id));
  return out;
}

// A question about posed frames, as released or with vega's ids.
Truth about_frames(Task task, const Row& row) {
  const Json& meta = row.json["metadata"];
  Truth out;
  tasks::check_frames_dataset(row.json, name_in(task_names(), task), row.at("metadata.dataset"));
  out.id = row.json.contains("id") ? row.id("id") : std::to_string(row.index);
  out.scene = scene_in(row.json["images"][std::size_t{0}].text_or(""));
  out.type = meta["question_type"].text_or("");
  out.question = row.json["conversations"][std::size_t{0}]["value"].text_or("");
  if (task == Task::kScanReferFrames) {
    if (row.json["gt_bbox"].is_null()) no_answers(row);
    out.oriented = tasks::oriented_box_of(row.json["gt_bbox"], row.at("gt_bbox"));
    out.poses = tasks::frame_cameras(row.json, row.place + ".").world();
  } else {
    if (!row.json.contains("annotations")) no_answers(row);
    out.answers = texts(row, row.json["annotations"], "annotations");
    const auto iou = row.json["iou"].number();
    if (!iou) row.refuse("iou", "a number: the proposal's with the object's box");
    out.has_proposal = *iou >= tasks::kLeastIou;
    out.given_box = box_of(row.json["input_box"], row.at("input_box"));
  }
  return out;
}

Truth processed(Task task, const Row& row) {
  if (is_about_frames(task)) return about_frames(task, row);
  tasks::check_dataset(row.json, name_in(task_names(), task), row.at("metadata.dataset"));
  const Json& meta = row.json["metadata"];
  Truth out;
  out.question = row.json["conversations"][std::size_t{0}]["value"].text_or("");
  out.id = question_id(task, row.id("id"));
  out.scene = scene_in(row.json["video"].text_or(""));
  out.type = meta["question_type"].text_or("");
  switch (task) {
    case Task::kScanRefer:
      if (row.json["box"].is_null()) no_answers(row);
      out.boxes.push_back(box_of(row.json["box"], row.at("box")));
      break;
    case Task::kNr3d: out.objects = nr3d_objects(row); break;
    case Task::kMulti3DRefer:
      if (row.json["box"].is_null()) no_answers(row);
      out.boxes = boxes_of(row.json["box"], row.at("box"));
      break;
    case Task::kScan2Cap:
      if (!row.json.contains("annotations")) no_answers(row);
      out.answers = texts(row, row.json["annotations"], "annotations");
      out.has_proposal = !row.json["box_input"].is_null();
      for (const char* field : {"box_input", "gt_box"})
        if (!out.given_box && row.json[field].is_list())
          out.given_box = box_of(row.json[field], row.at(field));
      break;
    case Task::kScanQa:
      if (!meta.contains("answers")) no_answers(row);
      out.answers = texts(row, meta["answers"], "metadata");
      break;
    case Task::kCvBench:
    case Task::kBlink:
      out.scene = tasks::joined_names(texts(row, row.json["images"], "images"));
      out.source = meta["source"].text_or("");
      out.options = texts(row, meta["options"], "metadata");
      out.answers = {
          letter_of(row, row.json["conversations"][std::size_t{1}]["value"], "conversations")};
      break;
    case Task::kVsi:
      out.scene = row.text("video");
      out.scene.erase(0, out.scene.rfind('/') + 1);
      if (meta.contains("options")) out.options = texts(row, meta["options"], "metadata");
      [[fallthrough]];
    default: {  // the second turn of the conversation is the answer
      const std::string* text = row.json["conversations"][std::size_t{1}]["value"].text();
      if (text == nullptr || text->empty()) no_answers(row);
      out.answers = {*text};
      break;
    }
  }
  return out;
}

// unique or multiple of ScanRefer's rows.
std::vector<std::string> scanrefer_types(const fs::path& labels, const Json& list) {
  std::vector<NamedObject> objects;
  for (const Json& row : list.elements()) objects.push_back(named_object(row));
  std::vector<std::string> out;
  for (const ObjectClass& one : object_classes(objects, labels)) out.push_back(question_type(one));
  return out;
}

std::vector<Truth> scanrefer(const TruthSources& sources, const Json& list, Task task,
                             TruthFile& facts) {
  std::vector<std::string> types;
  if (!sources.labels.empty() && task != Task::kMulti3DRefer)  // whose rows have their own types
    types = scanrefer_types(sources.labels, list);
  BoxSource boxes = box_source(sources);
  std::vector<Truth> out;
  std::map<std::tuple<std::string, std::string, std::string>, std::size_t> objects;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Row row = row_of(sources.annotations, i, list[i]);
    Truth truth;
    truth.id = std::to_string(i);
    truth.scene = row.text("scene_id");
    if (task != Task::kScan2Cap) truth.question = list[i]["description"].text_or("");
    const auto box_of_object = [&](std::int64_t object) {
      try {
        truth.boxes.push_back(boxes.box(row.at("object_id"), truth.scene, object));
      } catch (const InputError& error) {
        if (!sources.spare_broken) throw;
        facts.broken.try_emplace(truth.id, TruthFile::Broken{truth.scene, error.what()});
      }
    };
    truth.type = types.empty() ? list[i]["eval_type"].text_or("") : types[i];
    if (task == Task::kMulti3DRefer) {
      if (!list[i].contains("object_ids")) no_answers(row);
      for (const Json& id : list[i]["object_ids"].elements()) {
        const auto whole = id.whole();
        if (!whole) row.refuse("object_ids", "whole numbers");
        truth.objects.push_back(*whole);
        box_of_object(*whole);
      }
    } else if (!list[i].contains("object_id") || list[i]["object_id"].is_null()) {
      no_answers(row);
    } else if (task == Task::kScanRefer) {
      truth.objects.push_back(row.whole("object_id"));
      box_of_object(truth.objects[0]);
    } else {  // Scan2Cap: all descriptions of an object are one question
      const auto [at, is_new] = objects.try_emplace(
          {truth.scene, row.id("object_id"), list[i]["object_name"].text_or("")}, out.size());
      if (!is_new) {
        out[at->second].answers.push_back(row.text("description"));
        continue;
      }
      truth.answers.push_back(row.text("description"));
      if (const auto whole = parse_whole(id_text(list[i]["object_id"]).value_or("")))
        truth.objects.push_back(*whole);
    }
    if (!facts.broken.contains(truth.id)) out.push_back(std::move(truth));
  }
  return out;
}

std::vector<Truth> scanqa(const fs::path& file, const Json& list) {
  std::vector<Truth> out;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Row row = row_of(file, i, list[i]);
    Truth truth;
    truth.id = row.id("question_id");
    truth.scene = row.text("scene_id");
    truth.question = list[i]["question"].text_or("");
    if (!list[i].contains("answers")) no_answers(row);
    truth.answers = texts(row, list[i]["answers"], "answers");
    if (truth.answers.empty()) no_answers(row);
    out.push_back(std::move(truth));
  }
  return out;
}

std::vector<Truth> sqa3d(const TruthSources& sources, const Json& file, TruthFile& facts) {
  const Json& list = file["annotations"];
  std::unordered_map<std::string, std::string> types, asked;
  if (!sources.questions.empty()) {
    const Json questions =
        parse_json(file_text(sources.questions), {sources.questions.string(), "questions of SQA3D"},
                   large_json());
    for (std::size_t i = 0; i < questions["questions"].size(); ++i) {
      const Row row = row_of(sources.questions, i, questions["questions"][i]);
      const std::string id = row.id("question_id"), question = row.text("question");
      types[id] = tasks::sqa3d_type(question);
      const std::string situation = row.json["situation"].text_or("");
      asked[id] = situation + (situation.empty() ? "" : " ") + question;
    }
    if (types.empty())
      throw FormatError(explain(sources.questions.string(), "no list 'questions'",
                                "v1_balanced_questions_*_scannetv2.json"));
  } else {
    facts.notes.push_back(
        "types of questions are those of the answer lines; --questions gives SQA3D's own");
  }
  std::vector<Truth> out;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Row row = row_of(sources.annotations, i, list[i]);
    Truth truth;
    truth.id = row.id("question_id");
    truth.scene = row.text("scene_id");
    if (!list[i].contains("answers")) no_answers(row);
    truth.answers = texts(row, list[i]["answers"], "answers");
    if (truth.answers.empty()) no_answers(row);
    if (const auto at = types.find(truth.id); at != types.end()) truth.type = at->second;
    if (const auto at = asked.find(truth.id); at != asked.end()) truth.question = at->second;
    out.push_back(std::move(truth));
  }
  return out;
}

Truth vsi(const std::string& place, const Json& record) {
  Truth out;
  const auto need = [&](std::string_view field) { return text_or_number(record, place, field); };
  out.id = need("id");
  out.scene = need("scene_name");
  out.type = need("question_type");
  out.question = record["question"].text_or("");
  out.answers = {need("ground_truth")};
  for (const Json& option : record["options"].elements()) out.options.push_back(option.text_or(""));
  return out;
}

Truth of_pictures(Task task, const Row& row) {
  const bool blink = task == Task::kBlink;
  Truth out;
  out.id = row.id("idx");
  out.scene = tasks::joined_names(picture_names(task, row.json, row.place));
  out.type = row.text(blink ? "sub_task" : "task");
  out.question = row.text(blink ? "prompt" : "question");
  out.options = tasks::lettered(texts(row, row.json["choices"], "choices"));
  out.answers = {letter_of(row, row.json["answer"], "answer")};
  if (!blink) out.source = row.text("source");
  return out;
}

std::vector<Truth> from_lines(Task task, const fs::path& file, const std::string& text,
                              TruthFile& facts) {
  std::vector<Truth> out;
  each_question(task, text, file.string(), [&](const std::string& place, const Json& record) {
    const Row row{out.size(), place, record};
    const std::string other(task == Task::kBlink ? record["sub_task"].text_or("") : "");
    if (record.contains("conversations")) {
      out.push_back(processed(task, row));
    } else if (task == Task::kVsi) {
      out.push_back(vsi(place, record));
    } else if (tasks::is_other_blink_task(other)) {
      const std::string reason = "of BLINK's other tasks";
      facts.left_out.emplace(row.id("idx"), reason);
      ++facts.left_out_counts[reason];
    } else {
      out.push_back(of_pictures(task, row));
    }
  });
  return out;
}

std::vector<Truth> from_json(Task task, const TruthSources& sources, const std::string& text,
                             TruthFile& facts) {
  const fs::path& file = sources.annotations;
  std::size_t repaired = 0;
  const Json json =
      parse_json(with_whole_surrogates(text, repaired),
                 {file.string(), "an annotation file of " + std::string(benchmark_of(task).title)},
                 large_json());
  if (task == Task::kSqa3d && json["annotations"].is_list()) return sqa3d(sources, json, facts);
  if (json.is_list() && json.size() > 0) {
    const Json& first = json[std::size_t{0}];
    if (first.contains("conversations")) {
      std::vector<Truth> out;
      for (std::size_t i = 0; i < json.size(); ++i)
        out.push_back(processed(task, row_of(file, i, json[i])));
      return out;
    }
    if (task == Task::kScanQa && first.contains("question_id")) return scanqa(file, json);
    if ((task == Task::kScanRefer || task == Task::kScan2Cap) && first.contains("ann_id") &&
        !first.contains("object_ids"))
      return scanrefer(sources, json, task, facts);
    if (task == Task::kMulti3DRefer && first.contains("scene_id") && !first.contains("object_id"))
      return scanrefer(sources, json, task, facts);
  }
  throw FormatError(explain(file.string(), "no known form",
                            "an original annotation file of " +
                                std::string(benchmark_of(task).title) +
                                ", or the processed one of the release"));
}

}  // namespace

TruthFile read_truth(Task task, const TruthSources& sources) {
  TruthFile out;
  const std::string text = file_text(sources.annotations);
  if (trim(text).empty())
    throw FormatError(explain(sources.annotations.string(), "an empty file", "an annotation file"));
  if (has_question_lines(task))
    out.questions = from_lines(task, sources.annotations, text, out);
  else if (task == Task::kNr3d && !trim(text).starts_with('['))
    out.questions = read_nr3d_table(text, sources.annotations.string(), sources.scans, out);
  else
    out.questions = from_json(task, sources, text, out);
  for (std::size_t i = 0; i < out.questions.size(); ++i) {
    if (!out.place.try_emplace(out.questions[i].id, i).second)
      throw FormatError(explain(sources.annotations.string(),
                                "question '" + printable(out.questions[i].id, 80) + "' twice",
                                "each question once",
                                "training splits repeat ids; score a validation or test split"));
  }
  return out;
}

}  // namespace vega::score
