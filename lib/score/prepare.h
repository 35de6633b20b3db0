// `vega-eval prepare`: original annotations of the benchmarks in, the processed schema out
// (tasks/sample.h), as the converters of Video-3D-LLM write it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/choice.h"
#include "base/options.h"
#include "run/verb.h"
#include "score/box_source.h"
#include "tasks/prompts.h"
#include "tasks/sample.h"

namespace vega::score {

enum class Split { kTrain, kVal, kTest };
inline constexpr Choice<Split> kSplits[] = {
    {Split::kTrain, "train"}, {Split::kVal, "val"}, {Split::kTest, "test"}};

// Whether the questions of a task are about annotated objects, so that boxes are needed.
bool has_objects(tasks::Task task);

// The task, the split and the files of one conversion. An empty path: the file is not given.
struct PrepareSources {
  tasks::Task task{};
  Split split{};
  std::filesystem::path annotations;        // SQA3D: v1_balanced_sqa_annotations_*
  std::vector<std::filesystem::path> more;  // CV-Bench, BLINK: further ones
  std::filesystem::path questions;          // SQA3D: v1_balanced_questions_*
  BoxFiles boxes;                           // of annotated objects; the test split asks for none
  BoxFiles proposals;                       // Scan2Cap besides train
  std::filesystem::path labels;             // ScanRefer, Scan2Cap: unique and multiple
  std::filesystem::path scans;              // Nr3D: names of the split's scans
  std::filesystem::path videos;             // VSI-Bench: the folder with scannet/ and others
  // CV-Bench, BLINK, and questions about frames: the folder below which pictures lie. `beside`:
  // nobody named it, so that pictures count as not looked for where none of them is there.
  std::filesystem::path images;
  bool beside = false;
  const tasks::Prompts* prompts = nullptr;  // null: the released ones
};

// A question that could not be converted.
struct LeftOut {
  std::string place, id, scene;  // "FILE: [12]"; id and scene may be empty
  std::string why;
};

struct Prepared {
  std::vector<tasks::Sample> samples;  // in the order of the official converters
  std::vector<LeftOut> left_out;
  std::map<std::string, std::int64_t> dropped;  // Nr3D: rows that do not count, by the reason
  std::vector<std::string> notes;               // for the log
  std::int64_t repeated = 0;  // rows that say the same as one before; they are kept, as released
  std::int64_t missed = 0;    // Scan2Cap: objects for which no proposal stands
  std::int64_t videos = 0;    // VSI-Bench: videos that were looked for and are there
  std::int64_t pictures = 0;  // CV-Bench, BLINK: likewise
  std::size_t repaired = 0;   // halves of surrogate pairs that became U+FFFD
};

// A question that is broken costs only itself. Throws InputError (a file cannot be opened, or is
// needed and not given), FormatError (a file is of no known form).
Prepared prepare_samples(const PrepareSources& sources);

// read_scene and read_proposals read the boxes of a scene file, for --scenes; empty in a build
// without HDF5.
Verb prepare_verb(ReadScene read_scene = {}, ReadScene read_proposals = {});

}  // namespace vega::score
