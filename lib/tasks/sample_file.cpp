#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <unordered_map>

#include "base/error.h"
#include "base/key.h"
#include "base/mapped_file.h"
#include "base/printable.h"
#include "base/text.h"
#include "tasks/json_list.h"
#include "tasks/pictures.h"
#include "tasks/sample.h"
#include "tasks/sample_members.h"
#include "tasks/vsi.h"

namespace vega::tasks {
namespace {

constexpr const char* kProcessed = "processed questions: a JSON list of records with conversations";
constexpr std::size_t kMostTextBytes = 1 << 16, kMostIdBytes = 256;

// Throws FormatError without the file and the record: sample_of's caller knows them.
[[noreturn]] void refuse(const std::string& field, const std::string& got,
                         const std::string& expected, const std::string& remedy = {}) {
  throw FormatError(explain(field, got, expected, remedy));
}

std::string id_of(const Json& value) { return id_text(value).value_or(""); }

std::string checked_text(const Json& value, const std::string& field) {
  const std::string* text = value.text();
  if (text == nullptr) refuse(field, shown(value), "a text");
  if (text->size() > kMostTextBytes)
    refuse(field, "a text of " + std::to_string(text->size()) + " bytes",
           "at most " + std::to_string(kMostTextBytes));
  return *text;
}

std::vector<std::string> checked_texts(const Json& list, const std::string& field) {
  if (!list.is_list()) refuse(field, shown(list), "a list of texts");
  std::vector<std::string> out;
  for (const Json& one : list.elements()) out.push_back(checked_text(one, field));
  return out;
}

BoxNumbers checked_box(const Json& value, const std::string& field) {
  constexpr const char* kBox =
      "six finite numbers below a million: centre and full extents, metres";
  if (!value.is_list() || value.size() != 6) refuse(field, shown(value), kBox);
  BoxNumbers out{};
  for (std::size_t i = 0; i < 6; ++i) {
    const auto number = value[i].number();
    if (!number || !(std::abs(*number) < kMostMetres)) refuse(field, shown(value), kBox);
    if (i >= 3 && *number < 0) refuse(field, "extent " + shown(value[i]), "extents from 0 on");
    out[i] = *number;
  }
  return out;
}

void read_turns(const Json& turns, Sample& out) {
  constexpr const char* kTurns = "a list of turns {from, value}, of a human first";
  if (!turns.is_list() || turns.size() == 0) refuse("conversations", shown(turns), kTurns);
  const std::string from = turns[std::size_t{0}]["from"].text_or("human");
  if (from != "human") refuse("conversations[0].from", printable(from, 40), "human");
  out.user = checked_text(turns[std::size_t{0}]["value"], "conversations[0].value");
  constexpr std::string_view kImage = "<image>";
  if (!out.user.starts_with(kImage))
    refuse("conversations[0].value", "'" + printable(out.user, 60) + "'",
           "a text that begins with <image>");
  if (trim(std::string_view(out.user).substr(kImage.size())).empty())
    refuse("conversations[0].value", "no question", "a text behind <image>");
  if (turns.size() > 1 && !turns[std::size_t{1}]["value"].is_null())
    out.answer = checked_text(turns[std::size_t{1}]["value"], "conversations[1].value");
}

void read_scene(const Json& video, Sample& out) {
  out.video = video.text_or("");
  out.scene = out.video.substr(out.video.rfind('/') + 1);
  if (!is_key(out.scene) || out.scene.front() == '.' || out.scene.size() > kMostIdBytes)
    refuse("video", shown(video), "scannet/SCENE",
           "SCENE is the key of a scene file: letters, digits, '.', '_', '-'");
}

void read_pictures(const Json& images, Sample& out) {
  const std::size_t most = most_pictures(out.task);
  out.pictures = checked_texts(images, "images");
  if (out.pictures.empty() || out.pictures.size() > most)
    refuse("images", shown(images), most == 1 ? "one picture" : fmt::format("1 to {}", most));
  for (const std::string& name : out.pictures)
    if (!is_picture_name(name))
      refuse("images", "'" + printable(name, 80) + "'", "a file below the folder of the pictures");
  out.scene = joined_names(out.pictures);
  if (!is_about_frames(out.task)) return;
  // "scannet/posed_images/scene0011_00/00000.jpg": the folder is the scan.
  out.scene = std::filesystem::path(out.pictures[0]).parent_path().filename().string();
  if (!is_key(out.scene) || out.scene.front() == '.')
    refuse("images", "'" + printable(out.pictures[0], 80) + "'", "SCAN/FRAME.jpg, below any folder",
           "SCAN names the scene: letters, digits, '.', '_', '-'");
}

void read_object_ids(const Json& meta, Sample& out) {
  out.ann_id = meta["ann_id"];
  out.object_id = meta["object_id"];
  if (out.object_id.is_list()) {
    for (const Json& id : out.object_id.elements()) out.object_ids.push_back(id_of(id));
  } else if (!out.object_id.is_null()) {
    out.object_ids.push_back(id_of(out.object_id));
  }
  for (const std::string& id : out.object_ids)
    if (!parse_whole(id)) refuse("metadata.object_id", shown(out.object_id), "whole numbers");
  for (const auto& [name, ids] :
       {std::pair<std::string, std::vector<std::int64_t>*>{"distractors", &out.distractors},
        {"candidates", &out.candidates}}) {
    if (!meta[name].is_null() && !meta[name].is_list())
      refuse("metadata." + name, shown(meta[name]), "a list of whole numbers");
    for (const Json& id : meta[name].elements()) {
      const auto whole = id.whole();
      if (!whole) refuse("metadata." + name, shown(id), "whole numbers");
      ids->push_back(*whole);
    }
  }
  if (out.task != Task::kNr3d || out.object_ids.empty()) return;
  if (out.object_ids.size() != 1) refuse("metadata.object_id", shown(out.object_id), "one object");
  const std::int64_t target = *parse_whole(out.object_ids[0]);
  if (!out.candidates.empty() &&
      std::find(out.candidates.begin(), out.candidates.end(), target) == out.candidates.end())
    refuse("metadata.object_id", shown(out.object_id), "one of metadata.candidates");
}

// Reads the boxes, the accepted answers and the captions of a record.
void read_truth(const Json& record, Sample& out) {
  const Json &box = record["box"], &meta = record["metadata"];
  switch (out.task) {
    case Task::kMulti3DRefer:
      if (box.is_null()) break;
      if (!box.is_list()) refuse("box", shown(box), "a list of boxes");
      for (std::size_t i = 0; i < box.size(); ++i)
        out.boxes.push_back(checked_box(box[i], "box[" + std::to_string(i) + "]"));
      break;
    case Task::kScanRefer:
    case Task::kNr3d:
      if (!box.is_null()) out.boxes.push_back(checked_box(box, "box"));
      break;
    case Task::kScan2Cap: {
      const Json* input = record.find("box_input");
      if (input == nullptr) refuse("box_input", "nothing", "a box, or null: no proposal");
      out.no_proposal = input->is_null();
      if (!out.no_proposal) out.box_input = checked_box(*input, "box_input");
      if (!record["gt_box"].is_null()) out.boxes.push_back(checked_box(record["gt_box"], "gt_box"));
      if (record.contains("annotations"))
        out.captions = checked_texts(record["annotations"], "annotations");
      break;
    }
    case Task::kScanQa:
      if (meta.contains("answers"))
        out.answers = checked_texts(meta["answers"], "metadata.answers");
      break;
    case Task::kSqa3d:
    case Task::kSpar:
    case Task::kLlavaHound: break;
    case Task::kVsi:
      if (meta.contains("options"))
        out.options = checked_texts(meta["options"], "metadata.options");
      break;
    case Task::kScanReferFrames:
      if (!record["gt_bbox"].is_null())
        out.oriented = oriented_box_of(record["gt_bbox"], "gt_bbox");
      break;
    case Task::kScan2CapFrames:
      out.box_input = checked_box(record["input_box"], "input_box");
      if (!record["gt_box"].is_null()) out.boxes.push_back(checked_box(record["gt_box"], "gt_box"));
      out.proposal_iou = record["iou"].number();
      if (!out.proposal_iou) refuse("iou", shown(record["iou"]), "a number");
      out.no_proposal = *out.proposal_iou < kLeastIou;
      if (record.contains("annotations"))
        out.captions = checked_texts(record["annotations"], "annotations");
      break;
    case Task::kCvBench:
    case Task::kBlink:
      out.source = meta["source"].text_or("");
      out.options = checked_texts(meta["options"], "metadata.options");
      break;
  }
  out.has_truth = out.task == Task::kMulti3DRefer      ? !box.is_null()
                  : out.task == Task::kNr3d            ? !out.object_ids.empty()
                  : out.task == Task::kScanReferFrames ? out.oriented.has_value()
                  : is_grounding(out.task)
                      ? !out.boxes.empty()
                      : !out.answer.empty() || !out.captions.empty() || !out.answers.empty();
}

void read_cameras(const Json& record, Sample& out) {
  out.cameras = frame_cameras(record, "");
  if (out.cameras.frames.size() != out.pictures.size())
    refuse("cam2global", fmt::format("{} matrices", out.cameras.frames.size()),
           fmt::format("{}, one an image", out.pictures.size()));
}

void check_vsi(const Sample& sample) {
  const std::string_view data_set =
      std::string_view(sample.video).substr(0, sample.video.rfind('/'));
  if (data_set == sample.video || !is_key(std::string(data_set)) || data_set.front() == '.')
    refuse("video", "'" + printable(sample.video, 80) + "'", "DATASET/SCENE",
           "the video is DATASET/SCENE.mp4 below the folder of the videos");
  const int task = vsi_task(sample.question_type);
  if (task < 0)
    refuse("metadata.question_type", "'" + printable(sample.question_type, 80) + "'",
           "a question type of VSI-Bench");
  if (!kVsiTasks[static_cast<std::size_t>(task)].number && sample.options.empty())
    refuse("metadata.options", "nothing", "the options of a " + sample.question_type);
}

void check_pictures(const Sample& sample) {
  const bool blink = sample.task == Task::kBlink;
  const std::span<const std::string_view> types =
      blink ? std::span<const std::string_view>(kBlinkTypes) : kCvBenchTypes;
  if (std::ranges::find(types, sample.question_type) == types.end())
    refuse("metadata.question_type", "'" + printable(sample.question_type, 80) + "'",
           blink ? "a task of BLINK-spatial" : "Count, Relation, Depth or Distance");
  if (!blink && std::ranges::find(kCvBenchSources, sample.source) == kCvBenchSources.end())
    refuse("metadata.source", "'" + printable(sample.source, 80) + "'", "ADE20K, COCO or Omni3D");
  if (sample.options.size() < 2 || sample.options.size() > kOptionLetters.size())
    refuse("metadata.options", fmt::format("{}", sample.options.size()),
           fmt::format("2 to {} options", kOptionLetters.size()));
  const auto letter = right_letter(sample.answer);
  if (!sample.answer.empty() && (!letter || kOptionLetters.find(*letter) >= sample.options.size()))
    refuse("conversations[1].value", "'" + printable(sample.answer, 40) + "'",
           "the letter of an option");
}

}  // namespace

Sample sample_of(const Json& record, Task task) {
  if (!record.is_object()) refuse("record", shown(record), "a JSON object");
  Sample out;
  out.task = task;
  out.id = record["id"];
  out.id_text = id_of(out.id);
  if (out.id_text.empty()) refuse("id", shown(out.id), "a text or a whole number");
  if (out.id_text.size() > kMostIdBytes)
    refuse("id", "a text of " + std::to_string(out.id_text.size()) + " bytes",
           "at most " + std::to_string(kMostIdBytes));
  const Json& meta = record["metadata"];
  (is_about_frames(task) ? check_frames_dataset : check_dataset)(
      record, name_in<Task>(kTasks, task), "metadata.dataset");
  out.question_type = meta["question_type"].text_or("");
  if (is_about_pictures(task) || is_about_frames(task))
    read_pictures(record["images"], out);
  else
    read_scene(record["video"], out);
  read_turns(record["conversations"], out);
  read_object_ids(meta, out);
  read_truth(record, out);
  if (task == Task::kVsi) check_vsi(out);
  if (task == Task::kScanReferFrames) read_cameras(record, out);
  if (is_about_pictures(task)) check_pictures(out);
  return out;
}

SampleFile parse_samples(std::string_view text, const std::string& name, Task task,
                         SampleReading how) {
  SampleFile out;
  out.path = name;
  out.task = task;
  std::unordered_map<std::string, std::size_t> places;
  each_element(text, name, kProcessed, [&](std::size_t index, std::string_view element) {
    const std::string place = name + ": [" + std::to_string(index) + "]";
    std::string id;
    try {
      const Json record = parse_element(element, out.repaired);
      id = printable(id_of(record["id"]), 80);
      Sample sample = sample_of(record, task);
      const auto [at, is_new] = places.try_emplace(sample.id_text, index);
      if (!is_new && !how.repeated_ids)
        refuse("id", "a second time (first: [" + std::to_string(at->second) + "])",
               "each question once");
      out.samples.push_back(std::move(sample));
    } catch (const FormatError& error) {
      out.bad.push_back({place,
                         id.empty() ? printable(id_of(member_of_broken(element, "id")), 80) : id,
                         error.what()});
    }
  });
  if (out.samples.empty()) {
    if (out.bad.empty()) throw FormatError(explain(name, "an empty list", kProcessed));
    const BadSample& first = out.bad.front();
    throw FormatError(
        explain(name, "not one question that can be asked", kProcessed,
                fmt::format("vega-eval prepare {} makes them of original annotations; the first of "
                            "these: {}: {}",
                            name_in<Task>(kTasks, task), first.place, first.why)));
  }
  return out;
}

SampleFile read_samples(const std::filesystem::path& path, Task task, SampleReading how) {
  const MappedFile file(path);
  SampleFile out = parse_samples(file.text(), path.string(), task, how);
  out.path = path;
  return out;
}

}  // namespace vega::tasks
