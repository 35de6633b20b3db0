#include "synth/dataset/annotations.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "synth/dataset/phrases.h"
#include "tasks/prompts.h"

namespace vega::synth {
namespace {

namespace fs = std::filesystem;

constexpr Split kSplits[] = {Split::kTrain, Split::kVal, Split::kTest};

// "[", an element a line, "]".
class ListText {
 public:
  void add(const Json& element) { text_ += (entries_++ == 0 ? "\n" : ",\n") + element.dump(); }
  std::int64_t entries() const { return entries_; }
  std::string text() const { return "[" + text_ + "\n]"; }

 private:
  std::string text_;
  std::int64_t entries_ = 0;
};

// Lines of meanings.jsonl.
class Meanings {
 public:
  void add(std::string_view benchmark, const DatasetRoom& room, const Json& id,
           const Reference& one) {
    Json line = head(benchmark, room, id, one.text);
    line.add("meaning", to_json(one.description));
    line.add("eval_type", eval_type(one.kind));
    line.add("referents", one.ids);
    push(line);
  }
  void add(std::string_view benchmark, const DatasetRoom& room, const Json& id,
           const Question& one) {
    Json line = head(benchmark, room, id, one.text);
    if (one.situation) line.add("situation", one.situation->text);
    line.add("meaning", to_json(one));
    line.add("answers", one.answers);
    line.add("referents", one.ids);
    push(line);
  }
  TextFile file() const { return {"meanings.jsonl", text_, entries_}; }

 private:
  static Json head(std::string_view benchmark, const DatasetRoom& room, const Json& id,
                   const std::string& text) {
    return {{"benchmark", benchmark},
            {"split", name_of(room.split)},
            {"scene", room.facts.scene},
            {"id", id},
            {"text", text}};
  }
  void push(const Json& line) {
    text_ += line.dump() + "\n";
    ++entries_;
  }

  std::string text_;
  std::int64_t entries_ = 0;
};

std::string underscored(std::string label) {
  std::replace(label.begin(), label.end(), ' ', '_');
  return label;
}

// Calls take(room) for the rooms of a split.
void each_room(const std::vector<DatasetRoom>& rooms, Split split,
               const std::function<void(const DatasetRoom&)>& take) {
  for (const DatasetRoom& room : rooms)
    if (room.split == split) take(room);
}

TextFile scanrefer(const std::vector<DatasetRoom>& rooms, Split split, Meanings& meanings) {
  ListText list;
  each_room(rooms, split, [&](const DatasetRoom& room) {
    std::map<int, int> annotations;
    for (const Reference& one : room.texts.scanrefer) {
      const int id = one.ids[0];
      meanings.add("scanrefer", room, list.entries(), one);
      list.add({{"scene_id", room.facts.scene},
                {"object_id", std::to_string(id)},
                {"object_name", underscored(room.facts.things[id].label)},
                {"ann_id", std::to_string(annotations[id]++)},
                {"description", one.text},
                {"token", words_of(one.text)}});
    }
  });
  return {"benchmark/scanrefer/ScanRefer_filtered_" + std::string(name_of(split)) + ".json",
          list.text() + "\n", list.entries()};
}

TextFile multi3drefer(const std::vector<DatasetRoom>& rooms, Split split, Meanings& meanings) {
  ListText list;
  each_room(rooms, split, [&](const DatasetRoom& room) {
    int annotation = 0;
    for (const Reference& one : room.texts.multi3drefer) {
      meanings.add("multi3drefer", room, list.entries(), one);
      const Description& d = one.description;
      list.add({{"scene_id", room.facts.scene},
                {"object_ids", one.ids},
                {"object_name", underscored(d.head.label.empty() ? "object" : d.head.label)},
                {"ann_id", std::to_string(annotation++)},
                {"eval_type", eval_type(one.kind)},
                {"spatial", d.relation != Relation::kNone},
                {"color", !d.head.colour.empty()},
                {"texture", false},
                {"shape", one.kind != ReferKind::kOneAlone && !d.head.label.empty()},
                {"description", one.text}});
    }
  });
  return {"benchmark/multi3drefer/multi3drefer_" + std::string(name_of(split)) + ".json",
          list.text() + "\n", list.entries()};
}

TextFile scanqa(const std::vector<DatasetRoom>& rooms, Split split, Meanings& meanings) {
  ListText list;
  each_room(rooms, split, [&](const DatasetRoom& room) {
    int number = 0;
    for (const Question& one : room.texts.scanqa) {
      const std::string id =
          std::string(name_of(split)) + "-" + room.facts.scene + "-" + std::to_string(number++);
      meanings.add("scanqa", room, id, one);
      Json names = Json::list();
      for (const int thing : one.ids) names.push(room.facts.things[thing].label);
      list.add({{"scene_id", room.facts.scene},
                {"question_id", id},
                {"question", one.text},
                {"answers", one.answers},
                {"object_ids", one.ids},
                {"object_names", std::move(names)}});
    }
  });
  return {"benchmark/scanqa/ScanQA_v1.0_" + std::string(name_of(split)) + ".json",
          list.text() + "\n", list.entries()};
}

// SQA3D's files: facts about the file, then a list.
std::string sqa3d_text(const char* name, const ListText& list) {
  const Json head = {
      {"info",
       {{"description", "Made by vega-synth dataset, in the form of SQA3D."}, {"version", "1.0"}}},
      {"license", Json::object()},
      {"data_type", "scannet"},
      {"data_subtype", "v2"},
      {"task_type", "Situated question answering"}};
  std::string text = head.dump();
  text.back() = ',';
  return text + "\"" + name + "\":" + list.text() + "}\n";
}

std::vector<TextFile> sqa3d(const std::vector<DatasetRoom>& rooms, Split split,
                            Meanings& meanings) {
  ListText questions, annotations;
  std::int64_t place = -1;
  for (const DatasetRoom& room : rooms) {
    ++place;
    if (room.split != split) continue;
    std::int64_t number = 0;
    for (const Question& one : room.texts.sqa3d) {
      const Situation& s = *one.situation;
      const std::int64_t id = 990'000'000'000 + place * 10'000 + number++;
      meanings.add("sqa3d", room, id, one);
      questions.add({{"scene_id", room.facts.scene},
                     {"situation", s.text},
                     {"alternative_situation", s.other_texts},
                     {"question", one.text},
                     {"question_id", id}});
      const double turn = std::atan2(s.stand.dy, s.stand.dx);
      Json answer = {{"answer", one.answers[0]}, {"answer_confidence", "yes"}, {"answer_id", 1}};
      annotations.add(
          {{"scene_id", room.facts.scene},
           {"question_type", "N/A"},
           {"answer_type", "other"},
           {"question_id", id},
           {"answers", Json::list({std::move(answer)})},
           {"rotation",
            {{"_x", 0}, {"_y", 0}, {"_z", std::sin(turn / 2)}, {"_w", std::cos(turn / 2)}}},
           {"position", {{"x", s.stand.x}, {"y", s.stand.y}, {"z", 0}}}});
    }
  }
  const std::string folder = "benchmark/sqa_task/balanced/v1_balanced_";
  const std::string end = "_" + std::string(name_of(split)) + "_scannetv2.json";
  return {{folder + "questions" + end, sqa3d_text("questions", questions), questions.entries()},
          {folder + "sqa_annotations" + end, sqa3d_text("annotations", annotations),
           annotations.entries()}};
}

// "scene0000_00-cone-3-5-6-7": the target, then the others of its label.
std::string stimulus(const RoomFacts& room, int target) {
  const std::string& label = room.things[target].label;
  std::string others;
  std::size_t count = 0;
  for (const Thing& thing : room.things) {
    if (thing.label != label) continue;
    ++count;
    if (thing.id != target) others += "-" + std::to_string(thing.id);
  }
  return room.scene + "-" + underscored(label) + "-" + std::to_string(count) + "-" +
         std::to_string(target) + others;
}

TextFile nr3d(const std::vector<DatasetRoom>& rooms, Meanings& meanings) {
  std::string text =
      "assignmentid,stimulus_id,utterance,tokens,scan_id,instance_type,target_id,dataset,"
      "mentions_target_class,correct_guess,uses_object_lang,uses_spatial_lang,uses_color_lang,"
      "uses_shape_lang\n";
  const auto flag = [](bool value) { return value ? ",True" : ",False"; };
  std::int64_t row = 0;
  for (const DatasetRoom& room : rooms) {
    for (const Reference& one : room.texts.nr3d) {
      const Description& d = one.description;
      meanings.add("nr3d", room, row, one);
      std::string tokens;
      for (const std::string& word : words_of(one.text))
        tokens += (tokens.empty() ? "'" : ", '") + word + "'";
      text += std::to_string(row++) + "," + stimulus(room.facts, one.ids[0]) + ",\"" + one.text +
              "\",\"[" + tokens + "]\"," + room.facts.scene + "," +
              room.facts.things[one.ids[0]].label + "," + std::to_string(one.ids[0]) + ",nr3d" +
              flag(!d.head.label.empty()) + ",True" + flag(true) +
              flag(d.relation != Relation::kNone) + flag(!d.head.colour.empty()) + ",False\n";
    }
  }
  return {"benchmark/nr3d/nr3d.csv", text, row};
}

// A question a line, as VSI-Bench has them.
TextFile vsi_bench(const std::vector<DatasetRoom>& rooms, Split split) {
  std::string text;
  std::int64_t entries = 0;
  each_room(rooms, split, [&](const DatasetRoom& room) {
    for (const VsiQuestion& one : room.texts.vsi) {
      const Json line = {{"id", entries++},
                         {"dataset", "scannet"},
                         {"scene_name", room.facts.scene},
                         {"question_type", one.type},
                         {"question", one.text},
                         {"ground_truth", one.answer},
                         {"options", one.options.empty() ? Json() : Json(one.options)}};
      text += line.dump() + "\n";
    }
  });
  return {"benchmark/vsi_bench/" + std::string(name_of(split)) + ".jsonl", text, entries};
}

// A question a line, as CV-Bench or BLINK have them.
TextFile picture_lines(const std::vector<DatasetRoom>& rooms, Split split, bool blink) {
  std::string text;
  std::int64_t entries = 0;
  each_room(rooms, split, [&](const DatasetRoom& room) {
    for (const PictureQuestion& one : room.texts.pictures) {
      if (one.source.empty() != blink) continue;
      const std::int64_t number = entries++;
      const auto name = [&](std::size_t i) -> Json {
        if (i >= one.pictures.size()) return {};
        return fmt::format("scannet/scans/{}/{:05d}.jpg", room.facts.scene, one.pictures[i]);
      };
      const std::string answer = fmt::format("({})", static_cast<char>('A' + one.right));
      std::string prompt = one.text + "\nSelect from the following choices.";
      for (std::size_t i = 0; i < one.choices.size(); ++i)
        prompt += fmt::format("\n({}) {}", static_cast<char>('A' + i), one.choices[i]);
      const Json line =
          blink ? Json{{"idx", fmt::format("{}_{}_{}", name_of(split), one.type, number)},
                       {"sub_task", one.type},
                       {"prompt", prompt},
                       {"choices", one.choices},
                       {"answer", answer},
                       {"image_1", name(0)},
                       {"image_2", name(1)}}
                : Json{{"idx", number},        {"task", one.type},       {"source", one.source},
                       {"question", one.text}, {"choices", one.choices}, {"answer", answer},
                       {"filename", name(0)}};
      text += line.dump() + "\n";
    }
  });
  return {fmt::format("benchmark/{}/{}.jsonl", blink ? "blink" : "cv_bench", name_of(split)), text,
          entries};
}

// The questions of the training rooms as conversations about videos, in the format of LLaVA-Hound:
// behind the frames each is the prompt of the evaluation.
TextFile vsi_conversations(const std::vector<DatasetRoom>& rooms) {
  ListText list;
  each_room(rooms, Split::kTrain, [&](const DatasetRoom& room) {
    for (const VsiQuestion& one : room.texts.vsi) {
      const VsiTurns turns = vsi_turns(one);
      list.add({{"id", room.facts.scene + "_" + std::to_string(list.entries())},
                {"video", "scannet/" + room.facts.scene + ".mp4"},
                {"conversations",
                 Json::list({Json{{"from", "human"}, {"value", "<video>\n" + turns.user}},
                             Json{{"from", "gpt"}, {"value", turns.answer}}})}});
    }
  });
  return {"benchmark/vsi_bench/conversations_train.json", list.text(), list.entries()};
}

}  // namespace

VsiTurns vsi_turns(const VsiQuestion& question) {
  constexpr std::string_view kImage = "<image>";
  static const tasks::Prompt prompt =
      tasks::released_prompts(tasks::Task::kVsi).of(tasks::Task::kVsi);
  tasks::TaskText text;
  text.question = question.text;
  text.answer = question.answer;
  for (const std::string& option : question.options)
    text.options += (text.options.empty() ? "" : "\n") + option;
  const std::string user =
      tasks::filled(question.options.empty() ? prompt.user : prompt.choice, text);
  return {user.substr(kImage.size()), tasks::filled(prompt.answer, text)};
}

RoomTexts texts_of(const RoomFacts& room, std::uint64_t seed, std::size_t most, ScanReferTexts kind,
                   std::size_t vsi) {
  const std::vector<Reference> all = references(room);
  const auto draw = [&](const char* benchmark) { return Draw(seed, room.scene + benchmark); };
  RoomTexts out;
  Draw scanrefer = draw(" scanrefer"), multi = draw(" multi3drefer"), nr3d = draw(" nr3d"),
       scanqa = draw(" scanqa"), sqa3d = draw(" sqa3d");
  switch (kind) {
    case ScanReferTexts::kMixed: out.scanrefer = scanrefer_texts(all, most, scanrefer); break;
    case ScanReferTexts::kPlain: out.scanrefer = plain_scanrefer_texts(all, most); break;
    case ScanReferTexts::kSpace: out.scanrefer = space_scanrefer_texts(all, most, scanrefer);
  }
  out.multi3drefer = multi3drefer_texts(all, most, multi);
  out.nr3d = nr3d_texts(all, most, nr3d);
  out.scanqa = scanqa_questions(room, most, scanqa);
  out.sqa3d = sqa3d_questions(room, most, sqa3d);
  Draw videos = draw(" vsi");
  out.vsi = vsi_questions(room, vsi, videos);
  return out;
}

std::string_view name_of(Split split) {
  return split == Split::kTrain ? "train" : split == Split::kVal ? "val" : "test";
}

std::vector<TextFile> annotation_files(const std::vector<DatasetRoom>& rooms) {
  Meanings meanings;
  std::vector<TextFile> out;
  for (const Split split : {Split::kTrain, Split::kVal}) {
    out.push_back(scanrefer(rooms, split, meanings));
    out.push_back(multi3drefer(rooms, split, meanings));
    out.push_back(scanqa(rooms, split, meanings));
  }
  for (const Split split : kSplits)
    for (TextFile& file : sqa3d(rooms, split, meanings)) out.push_back(std::move(file));
  out.push_back(nr3d(rooms, meanings));
  if (std::any_of(rooms.begin(), rooms.end(),
                  [](const DatasetRoom& room) { return !room.texts.vsi.empty(); })) {
    for (const Split split : kSplits) out.push_back(vsi_bench(rooms, split));
    out.push_back(vsi_conversations(rooms));
  }
  if (std::any_of(rooms.begin(), rooms.end(),
                  [](const DatasetRoom& room) { return !room.texts.pictures.empty(); }))
    for (const Split split : kSplits)
      for (const bool blink : {false, true}) out.push_back(picture_lines(rooms, split, blink));
  out.push_back(meanings.file());
  return out;
}

}  // namespace vega::synth
