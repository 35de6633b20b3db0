#include "score/answers.h"

#include <cmath>
#include <unordered_map>

#include "base/error.h"
#include "base/printable.h"
#include "base/text.h"
#include "score/box_numbers.h"
#include "score/lines.h"
#include "score/question_lines.h"
#include "tasks/answer_parts.h"
#include "tasks/frame_members.h"
#include "tasks/pictures.h"
#include "text/lines.h"

namespace vega::score {
namespace {

// A line of an answer file.
class Line {
 public:
  Line(Task task, const std::string& file, std::size_t number, const Json& json)
      : task_(task), place_(line_place(file, number)), json_(json) {}

  Answer read() const {
    check_dataset();
    Answer out;
    out.id = question_id(task_, id());
    out.scene = text_of(first({"scene", "scene_name", "scene_id"})).value_or("");
    out.scene.erase(0, out.scene.rfind('/') + 1);  // "scannet/scene0011_00" of Scan2Cap's lines
    if (out.scene.empty()) out.scene = scene_in(text_of(first({"video"})).value_or(""));
    if (out.scene.empty()) out.scene = scene_in(id());
    if (out.scene.empty()) out.scene = pictures();
    if (out.scene.empty() && is_about_frames(task_)) out.scene = scene_of_frames();
    out.type = text_of(first({"question_type"})).value_or("");
    if (out.type.empty() && is_about_pictures(task_))  // as the data sets name it
      out.type = text_of(first({task_ == Task::kBlink ? "sub_task" : "task"})).value_or("");
    if (out.type.empty() && is_about_frames(task_))  // in the log of the harness
      out.type = json_["doc"]["metadata"]["question_type"].text_or("");
    if (const Json* cut = first({"cut", "truncated"})) {
      out.cut = cut->flag();
      if (!out.cut) refuse("cut", *cut, "true or false");
    } else if (const Json* reason = first({"finish_reason"})) {
      out.cut = reason->text_or("") == "length";
    }
    if (const Json* prompt = first({"prompt", "question", "utterance"}))
      out.prompt = prompt->text_or("");
    read_prediction(out);
    read_truth(out);
    return out;
  }

 private:
  [[noreturn]] void refuse(const std::string& field, const Json& got, const std::string& expected,
                           const std::string& remedy = {}) const {
    throw FormatError(explain(place_ + ": " + field, shown(got), expected, remedy));
  }
  [[noreturn]] void refuse_members(const std::string& field, const std::string& expected) const {
    throw FormatError(explain(place_ + ": " + field, members_text(json_), expected));
  }
  // The member of the line, or of "doc" in the log of VSI-Bench's harness. Null: absent or null.
  const Json* first(std::initializer_list<std::string_view> names) const {
    for (const Json* object : {&json_, &json_["doc"]}) {
      for (const std::string_view name : names) {
        const Json* found = object->find(name);
        if (found != nullptr && !found->is_null()) return found;
      }
    }
    return nullptr;
  }
  bool has(std::initializer_list<std::string_view> names) const {
    for (const Json* object : {&json_, &json_["doc"]})
      for (const std::string_view name : names)
        if (object->contains(name)) return true;
    return false;
  }
  static std::optional<std::string> text_of(const Json* value) {
    return value == nullptr ? std::nullopt : id_text(*value);
  }
  // What a question about pictures is about: their names as one text.
  std::string pictures() const {
    if (!is_about_pictures(task_)) return {};
    const Json* names = first({"images"});
    if (names == nullptr) return text_of(first({"filename"})).value_or("");
    std::vector<std::string> out;
    for (const Json& name : names->elements()) out.push_back(name.text_or(""));
    return tasks::joined_names(out);
  }
  // What the released scorer has made of an answer; null: the line is not of its log.
  const Json& released_score() const {
    return json_[task_ == Task::kScanReferFrames ? "scanrefer_score" : "scan2cap_score"];
  }
  // The scan in the names of its frames.
  std::string scene_of_frames() const {
    const Json* names = first({"images"});
    if (names == nullptr) names = &released_score()["images"];
    return scene_in((*names)[std::size_t{0}].text_or(""));
  }
  std::string id() const {
    const Json& found = answer_id(json_);
    const auto out = id_text(found);
    if (found.is_null()) refuse_members("sample_id", kAnswerId);
    if (!out || out->empty()) refuse("sample_id", found, kAnswerId);
    return *out;
  }
  void check_dataset() const {
    const auto name = text_of(json_.find("dataset"));
    if (!name || task_ == Task::kVsi) return;  // VSI-Bench: the scans that a video comes from
    if (task_of_dataset(*name) != task_)
      refuse("dataset", Json(*name), std::string(name_in(task_names(), task_)),
             "this file answers another benchmark");
  }

  void read_prediction(Answer& out) const {
    switch (task_) {
      case Task::kScanRefer: read_box(out); break;
      case Task::kMulti3DRefer: read_choice(out); break;
      case Task::kNr3d: read_object(out); break;
      case Task::kScanReferFrames:
        read_text(out);
        read_placed_box(out);
        break;
      default: read_text(out); break;
    }
  }
  const Json* prediction(Answer& out) const {
    const std::initializer_list<std::string_view> names = {"pred_response", "prediction", "pred"};
    const Json* found = first(names);
    if (found == nullptr) {
      if (!has(names))
        refuse_members("pred_response", "an answer: pred_response, prediction or pred");
      out.empty = true;
    }
    return found;
  }
  void read_text(Answer& out) const {
    const Json* found = nullptr;
    if ((has_question_lines(task_) || is_about_frames(task_)) &&
        (json_.contains("filtered_resps") || json_.contains("resps"))) {
      found = json_.contains("filtered_resps") ? json_.find("filtered_resps") : json_.find("resps");
      while (found->is_list() && found->size() > 0) found = &(*found)[std::size_t{0}];
    } else {
      found = prediction(out);
    }
    if (found == nullptr) return;
    const auto text = has_question_lines(task_) ? number_or_text(*found) : text_of(found);
    if (!text) refuse("pred_response", *found, "a text");
    out.text = *text;
    out.empty = trim(out.text).empty();
  }
  static std::optional<std::string> number_or_text(const Json& value) {
    if (value.text() != nullptr) return *value.text();
    return value.number() ? std::optional(value.dump()) : std::nullopt;
  }
  // The box that the line itself states in the world.
  void read_placed_box(Answer& out) const {
    for (const Json* line : {&json_, &released_score()}) {
      const Json* box = line->find("pred_bbox");
      if (box == nullptr || out.states_box) continue;
      out.states_box = true;
      if (!box->is_null()) out.oriented = tasks::oriented_box_of(*box, place_ + ": pred_bbox");
    }
  }
  void read_box(Answer& out) const {
    const Json* found = prediction(out);
    if (found == nullptr) return;
    if (found->is_list() && found->size() == 0) {
      out.empty = true;
      return;
    }
    if (found->text() != nullptr) {
      out.unreadable = "a text instead of a box";
      return;
    }
    out.boxes.push_back(box_of(*found, place_ + ": pred_response"));
  }
  void read_choice(Answer& out) const {
    const Json& scores = json_["scores"];
    const Json& objects = json_["objects"];
    if (!scores.is_list() && !objects.is_list()) {  // boxes that another system has chosen itself
      if (const Json* found = prediction(out)) {
        out.boxes = boxes_of(*found, place_ + ": pred_response");
        out.scores.assign(out.boxes.size(), std::numeric_limits<double>::quiet_NaN());
      }
      out.empty = false;  // no box is an answer here
      return;
    }
    if (!scores.is_list()) refuse("scores", scores, "a list of numbers");
    out.boxes = boxes_of(objects, place_ + ": objects");
    if (scores.size() != out.boxes.size() + 1)
      refuse("scores", Json(scores.size()),
             std::to_string(out.boxes.size() + 1) + " numbers: one an object, then one for none");
    for (const Json& score : scores.elements()) {
      const auto number = score.number();
      if (!number || !std::isfinite(*number)) refuse("scores", score, "finite numbers");
      out.scores.push_back(*number);
    }
  }
  void read_object(Answer& out) const {
    const Json* found = prediction(out);
    if (found == nullptr) return;
    if (const auto whole = found->whole()) {
      out.object = *whole;
    } else if (const std::string* text = found->text()) {
      out.object = parse_whole(trim(*text));
      out.empty = trim(*text).empty();
      if (!out.object && !out.empty) out.unreadable = "a text that is no object id";
    } else {
      refuse("pred_response", *found, "an object id");
    }
  }

  void read_truth(Answer& out) const {
    // "target" in the log of the harness is no answer where the questions are about frames.
    const Json* given =
        is_about_frames(task_)
            ? first({"gt_response", task_ == Task::kScanReferFrames ? "gt_bbox" : "annotations"})
            : first({"gt_response", "ground_truth", "target"});
    if (given == nullptr) return;
    Truth truth;
    truth.id = out.id;
    truth.scene = out.scene;
    truth.type = out.type;
    const std::string where = place_ + ": gt_response";
    switch (task_) {
      case Task::kScanRefer: truth.boxes.push_back(box_of(*given, where)); break;
      case Task::kMulti3DRefer: truth.boxes = boxes_of(*given, where); break;
      case Task::kScanReferFrames:
        truth.oriented = tasks::oriented_box_of(*given, where);
        if (json_["doc"].contains("cam2global"))
          truth.poses = tasks::frame_cameras(json_["doc"], place_ + ": doc.").world();
        break;
      case Task::kNr3d: {
        const auto id = text_of(given);
        const auto whole = id ? parse_whole(*id) : std::nullopt;
        if (!whole) refuse("gt_response", *given, "an object id");
        truth.objects.push_back(*whole);
        if (const auto stimulus = text_of(json_.find("stimulus_id"))) truth.type = *stimulus;
        if (const auto utterance = text_of(first({"utterance"})))
          truth.answers.push_back(*utterance);
        break;
      }
      case Task::kCvBench:
      case Task::kBlink: {
        const auto letter = tasks::right_letter(given->text_or(""));
        if (!letter) refuse("gt_response", *given, "the letter of an option, as (C) or C");
        truth.answers.push_back(std::string(1, *letter));
        truth.source = text_of(first({"source"})).value_or("");
        break;
      }
      default:
        if (given->is_list()) {
          for (const Json& one : given->elements()) {
            const auto text = number_or_text(one);
            if (!text) refuse("gt_response", *given, "a text or a list of texts");
            truth.answers.push_back(*text);
          }
        } else {
          const auto text = number_or_text(*given);
          if (!text) refuse("gt_response", *given, "a text or a list of texts");
          truth.answers.push_back(*text);
        }
        break;
    }
    if (task_ == Task::kScan2CapFrames)
      if (const auto iou = json_["doc"]["iou"].number())
        truth.has_proposal = *iou >= tasks::kLeastIou;
    if (const Json* options = first({"options"})) {
      for (const Json& option : options->elements()) truth.options.push_back(option.text_or(""));
    } else if (const Json* choices = is_about_pictures(task_) ? first({"choices"}) : nullptr) {
      for (const Json& choice : choices->elements()) truth.options.push_back(choice.text_or(""));
      truth.options = tasks::lettered(truth.options);
    }
    out.truth = std::move(truth);
  }

  Task task_;
  std::string place_;
  const Json& json_;
};

}  // namespace

std::string question_id(Task task, const std::string& id) {
  if (task != Task::kScanQa || !id.starts_with("scanqa_")) return id;
  std::string out = id.substr(7);
  const std::size_t last = out.rfind('_');
  if (last != out.npos && parse_whole(std::string_view(out).substr(last + 1))) out.resize(last);
  return out;
}

std::string scene_in(std::string_view text) {
  constexpr std::size_t kLength = 12;  // scene0011_00
  const auto digits = [&](std::size_t from, std::size_t count) {
    for (std::size_t i = from; i < from + count; ++i)
      if (text[i] < '0' || text[i] > '9') return false;
    return true;
  };
  for (std::size_t at = text.find("scene"); at != text.npos; at = text.find("scene", at + 1)) {
    if (at + kLength <= text.size() && digits(at + 5, 4) && text[at + 9] == '_' &&
        digits(at + 10, 2))
      return std::string(text.substr(at, kLength));
  }
  return {};
}

std::filesystem::path answer_file(const std::filesystem::path& path) {
  if (path == "-")
    throw UsageError(explain("-", "standard input", "an answer file", "write it to a file"));
  if (!std::filesystem::is_directory(path)) return path;
  if (std::filesystem::exists(path / tasks::kAnswersFile)) return path / tasks::kAnswersFile;
  throw InputError(explain(path.string(), "a folder without answers.jsonl", "an answer file",
                           "vega-eval merge makes one file of the parts of a run"));
}

AnswerFile parse_answers(std::string_view text, const std::string& name, Task task) {
  AnswerFile out;
  out.path = name;
  out.task = task;
  std::unordered_map<std::string, std::size_t> lines;
  out.repaired = each_record(
      text, name, "an answer of " + std::string(name_in(task_names(), task)),
      [&](std::size_t number, const Json& record) {
        Answer answer = Line(task, name, number, record).read();
        answer.line = number;
        const auto [at, is_new] = lines.try_emplace(answer.id, number);
        if (!is_new)
          throw FormatError(explain(line_place(name, number) + ": sample_id",
                                    "'" + printable(answer.id) + "' a second time (first: line " +
                                        std::to_string(at->second) + ")",
                                    "each question once", "keep one of the lines"));
        out.answers.push_back(std::move(answer));
      });
  return out;
}

namespace {

// Sets Answer::cut from the notes that `vega-eval answer` keeps beside its parts: the official
// lines do not say which answers the limit cut.
void add_notes(const std::filesystem::path& folder, AnswerFile& answers) {
  std::unordered_map<std::string, bool> cut;
  std::error_code error;
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    const auto part = tasks::part_of(at->path());
    const std::filesystem::path notes = part ? tasks::stats_path(*part) : "";
    if (notes.empty() || !std::filesystem::exists(notes)) continue;
    text::each_line(file_text(notes), [&](std::string_view line, std::size_t) {
      const auto note = parse_json(line);  // a killed run leaves half a line
      const auto id = note ? id_text((*note)["sample_id"]) : std::nullopt;
      const auto flag = note ? (*note)["cut"].flag() : std::nullopt;
      if (id && flag) cut.insert_or_assign(question_id(answers.task, *id), *flag);
    });
  }
  for (Answer& answer : answers.answers) {
    const auto found = cut.find(answer.id);
    if (!answer.cut && found != cut.end()) answer.cut = found->second;
  }
}

}  // namespace

AnswerFile read_answers(const std::filesystem::path& path, Task task) {
  AnswerFile out = parse_answers(file_text(path), path.string(), task);
  out.path = path;
  add_notes(std::filesystem::absolute(path).parent_path(), out);
  const std::filesystem::path run = path.parent_path() / tasks::kRunFile;
  if (std::filesystem::exists(run)) out.run = tasks::read_run(run);
  return out;
}

}  // namespace vega::score
