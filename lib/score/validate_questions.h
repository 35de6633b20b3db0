// The questions of a split, with or without answers: what `vega-eval validate` compares an answer
// file with.
#pragma once

#include <filesystem>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "score/benchmark.h"

namespace vega::score {

struct AskedQuestion {
  std::string id, scene;                       // scene: empty where the file does not say
  std::string object_id, ann_id, object_name;  // ScanRefer's row
};

struct AskedQuestions {
  std::vector<AskedQuestion> list;                     // in the order of the file
  std::unordered_map<std::string, std::size_t> place;  // by id
  std::unordered_set<std::string> left_out;            // Nr3D: rows that do not count
};

// Original annotation files and processed ones of the release, also of splits whose answers are not
// public. scans: Nr3D's scans of the split, may be empty. Ids are those of score/truth.h. Throws
// InputError (cannot be opened), FormatError (no known form, a missing id, an id twice).
AskedQuestions read_questions(Task task, const std::filesystem::path& file,
                              const std::filesystem::path& scans = {});

}  // namespace vega::score
