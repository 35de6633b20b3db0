// Questions in the processed schema of Video-3D-LLM (*_llava_style.json), which `vega-eval prepare`
// writes, and the lines of answers to them. Source: Video-3D-LLM, scripts/3d/preprocessing and
// llava/eval/model_*.py; docs/formats.md, "Processed questions".
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/choice.h"
#include "base/json.h"
#include "tasks/frame_members.h"

namespace vega::tasks {

enum class Task {
  kScanRefer,
  kMulti3DRefer,
  kScan2Cap,
  kScanQa,
  kSqa3d,
  kNr3d,
  kVsi,
  kCvBench,
  kBlink,
  kScanReferFrames,  // about posed frames of a scene: ScanRefer of the spatial-reasoning release
  kScan2CapFrames,   // Scan2Cap of the same
  kSpar,             // of training alone: tasks/picture_sample.h
  kLlavaHound        // likewise
};
inline constexpr Choice<Task> kTasks[] = {{Task::kScanRefer, "scanrefer"},
                                          {Task::kMulti3DRefer, "multi3drefer"},
                                          {Task::kScan2Cap, "scan2cap"},
                                          {Task::kScanQa, "scanqa"},
                                          {Task::kSqa3d, "sqa3d"},
                                          {Task::kNr3d, "nr3d"},
                                          {Task::kVsi, "vsi"},
                                          {Task::kCvBench, "cvbench"},
                                          {Task::kBlink, "blink"},
                                          {Task::kScanReferFrames, "scanrefer-frames"},
                                          {Task::kScan2CapFrames, "scan2cap-frames"},
                                          {Task::kVsi, "vsibench", {}, true},
                                          {Task::kVsi, "vsi-bench", {}, true},
                                          {Task::kCvBench, "cv-bench", {}, true},
                                          {Task::kBlink, "blink-spatial", {}, true}};
// Tasks about scans with poses, which are asked and trained on here.
inline constexpr std::span<const Choice<Task>> kScanTasks{kTasks, 6};
// Tasks that models are trained on: about scans, about pictures, about videos.
inline constexpr Choice<Task> kTrainedTasks[] = {kTasks[0],
                                                 kTasks[1],
                                                 kTasks[2],
                                                 kTasks[3],
                                                 kTasks[4],
                                                 kTasks[5],
                                                 {Task::kSpar, "spar"},
                                                 {Task::kLlavaHound, "llava-hound"}};
// Whether its samples are those of tasks/picture_sample.h.
constexpr bool is_conversation(Task task) {
  return task == Task::kSpar || task == Task::kLlavaHound;
}

// ScanRefer, Multi3DRefer, Nr3D: the answer chooses among boxes; the others are answered in words.
bool is_grounding(Task task);

// metadata.dataset of the processed schema, which answer lines repeat: "scanrefer", "scanQA", ...
std::string_view dataset_name(Task task);

// Axis-aligned: centre and full extents (x, y, z), metres, in the aligned frame of the scene. The
// same type as metrics::BoxNumbers.
using BoxNumbers = std::array<double, 6>;
inline constexpr double kMostMetres = 1e6;  // numbers of a question's boxes are smaller

// One question. Members that a task does not have stay empty.
struct Sample {
  Json id;              // a whole number or a text, as in the file
  std::string id_text;  // the same as a text; unique in a file
  Task task{};
  std::string question_type;
  std::string
      video;  // "scannet/scene0011_00"; VSI-Bench: the video below its folder, without ending
  // "scene0011_00": the key of the scene file and of the features; of pictures their joined_names.
  std::string scene;
  // CV-Bench, BLINK: files below the folder of the pictures; of questions about frames these, in
  // their order.
  std::vector<std::string> pictures;
  std::string source;  // CV-Bench: "ADE20K", ...: where its picture comes from
  // The first two turns as in the file: "<image>", "<coord>" and "<ground>" are still words.
  std::string user, answer;
  bool has_truth = true;          // false: a split whose answers are not public
  std::vector<BoxNumbers> boxes;  // ScanRefer's and Nr3D's box, Multi3DRefer's, Scan2Cap's gt_box
  // Scan2Cap: the proposal that stands for the object. no_proposal: the file says that there is
  // none; such an object gets the empty caption, unasked.
  std::optional<BoxNumbers> box_input;
  bool no_proposal = false;
  std::vector<std::string> captions;    // Scan2Cap, not in train: all descriptions of the object
  std::vector<std::string> answers;     // ScanQA, not in train: all accepted answers
  std::vector<std::string> object_ids;  // metadata.object_id, as texts
  // Nr3D: ids of the other objects of the target's class, and of all annotated objects of the scan.
  std::vector<std::int64_t> distractors, candidates;
  Json ann_id, object_id;               // of metadata, as in the file
  std::vector<std::string> options;     // VSI-Bench, CV-Bench, BLINK: "A. ...", of a choice
  FrameCameras cameras;                 // ScanRefer, frames: of the pictures
  std::optional<OrientedBox> oriented;  // ScanRefer, frames: the object, in the world
  std::optional<double> proposal_iou;   // Scan2Cap, frames: of box_input with gt_box
};

// A record that cannot be asked.
struct BadSample {
  std::string place;  // "FILE: [12]"
  std::string id;     // empty: it has none that can be read
  std::string why;    // in the house form: "box: got ..., expected ..."
};

struct SampleFile {
  std::filesystem::path path;
  Task task{};
  std::vector<Sample> samples;  // in the order of the file
  std::vector<BadSample> bad;
  std::size_t repaired = 0;  // halves of surrogate pairs that became U+FFFD
};

struct SampleReading {
  bool repeated_ids = false;  // keep questions of one id: SQA3D's train split has them
};

// Reads a JSON list of records, one at a time, so that a file of 100 MB takes little more than its
// questions do. A bad record costs only itself: no JSON object, not UTF-8, an id that is absent,
// too long or comes a second time (the first one stays), another benchmark's, no conversation, an
// empty or absurdly long question, a video that is no key of a scene, names that are none of
// pictures below a folder, object ids that are no whole numbers, an Nr3D target that is not among
// its candidates, a box that is not six numbers below kMostMetres with extents from 0 on. Throws
// InputError (cannot be opened), FormatError: no such list, broken off, or not one good record.
SampleFile read_samples(const std::filesystem::path& path, Task task, SampleReading how = {});
SampleFile parse_samples(std::string_view text, const std::string& name, Task task,
                         SampleReading how = {});

// One record. Throws FormatError that begins with the member, for every fault named above but
// repeated ids and bytes.
Sample sample_of(const Json& record, Task task);

// A record as the official converters write it: members and their order. text::python_json gives
// their bytes.
Json to_json(const Sample& sample);

// The whole file, in the bytes that Python's json.dump gives.
std::string samples_text(const std::vector<Sample>& samples);

// The answer of a model to a question.
struct Prediction {
  std::string text;                 // tasks in words
  std::vector<BoxNumbers> objects;  // (N): grounding: the boxes among which it chose
  std::vector<double> scores;       // (N + 1): their scores, then that of "no object"
  std::vector<std::int64_t> ids;    // (N): Nr3D: object ids of the boxes
};

// The place of the box with the largest score; of equal ones the first. The last score ("no
// object") never wins. Throws InputError where there is no box, or the sizes differ.
std::size_t chosen_object(const Prediction& prediction);

// One line of the official JSON Lines, members in the official order: dataset, sample_id, prompt,
// pred_response (Multi3DRefer: scores, objects), gt_response, model_id, question_type, Scan2Cap's
// scene; VSI-Bench: scene, and options of a choice; CV-Bench, BLINK: images, CV-Bench's source,
// options; ScanRefer, frames: pred_bbox, the box in the world (null: none can be read), and scene;
// Scan2Cap, frames: scene. Nr3D: pred_response and gt_response are object
// ids. gt_response is null without truth.
// Throws what chosen_object throws.
Json answer_line(const Sample& sample, const Prediction& prediction, const std::string& model_id);

}  // namespace vega::tasks
