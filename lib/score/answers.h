// Answer files of benchmarks: the official JSON Lines of the release, of VSI-Bench's harness, and a
// short form {"id", "prediction"}.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "geometry/oriented_box.h"
#include "metrics/boxes.h"
#include "score/benchmark.h"

namespace vega::score {

// What an annotation says about a question. Which members are set depends on the task.
struct Truth {
  std::string id;
  std::string scene;                       // "scene0011_00"; empty: not known
  std::string type;                        // question_type; empty: not known
  std::vector<std::string> answers;        // accepted answers, or reference captions
  std::vector<metrics::BoxNumbers> boxes;  // metres, axis-aligned
  // Object ids that name the boxes; Nr3D: the target, then the others of its class.
  std::vector<std::int64_t> objects;
  std::vector<std::string> options;  // VSI-Bench, CV-Bench, BLINK: "A. ...", of a choice
  std::string source;                // CV-Bench: "ADE20K", ...; empty: not known
  // Scan2Cap: a proposal of the detector stands for the object; unset: an answer that is empty says
  // no.
  std::optional<bool> has_proposal;
  std::string question;                          // what was asked; empty: the file does not say it
  std::optional<metrics::BoxNumbers> given_box;  // Scan2Cap: what is to be described
  std::optional<OrientedBox> oriented;           // ScanRefer, frames: in the world
  std::vector<Pose> poses;  // likewise: of the frames, world from camera; may be empty
};

struct Answer {
  std::size_t line = 0;
  std::string id, scene, type;
  std::string text;                        // of text tasks
  std::vector<metrics::BoxNumbers> boxes;  // of grounding tasks
  std::vector<double> scores;              // Multi3DRefer: of the boxes, then of "no object"
  std::optional<std::int64_t> object;      // Nr3D
  // ScanRefer, frames: the box in the world, where the line states it (states_box) or else the text
  // and the poses of the frames say it.
  std::optional<OrientedBox> oriented;
  bool states_box = false;
  std::string unreadable;      // why nothing could be read; empty: it could
  bool empty = false;          // a text of blanks, or no answer (null)
  std::optional<bool> cut;     // by the length limit, where the line says
  std::optional<Truth> truth;  // what the line itself states
  std::string prompt;          // what was asked, where the line says it
};

struct AnswerFile {
  std::filesystem::path path;
  Task task{};
  std::vector<Answer> answers;  // in the order of the file; ids are unique
  std::size_t repaired = 0;     // halves of surrogate pairs that became U+FFFD
  Json run;                     // run.json beside it; null: none
};

// Throws InputError (cannot be opened), FormatError "FILE:LINE: field: got, expected": wrong
// schema, an id twice, another dataset, a box that is not six finite numbers or has a negative
// extent (of nine numbers the last three, angles, must be zero).
AnswerFile read_answers(const std::filesystem::path& path, Task task);
AnswerFile parse_answers(std::string_view text, const std::string& name, Task task);

// The answer file that the user names: a folder of answers stands for its answers.jsonl. Throws
// UsageError ("-": standard input), InputError (a folder without it).
std::filesystem::path answer_file(const std::filesystem::path& path);

// The id by which an answer and its annotation are joined: "scanqa_val-scene0011_00-0_3" of the
// release is the question "val-scene0011_00-0".
std::string question_id(Task task, const std::string& id);

// "scene0011_00" within a text; empty: none.
std::string scene_in(std::string_view text);

}  // namespace vega::score
