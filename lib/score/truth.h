// Annotation files of the benchmarks: the original ones, or the processed ones of the release.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "score/answers.h"
#include "score/box_source.h"

namespace vega::score {

// Files that say what is right. Empty: not given.
struct TruthSources {
  std::filesystem::path annotations;  // --gt
  std::filesystem::path questions;    // --questions: SQA3D's questions, for their types
  std::filesystem::path boxes;        // --boxes: scannet_*_gt_box.json
  std::filesystem::path scenes;       // --scenes: a folder of vega's scene files
  std::filesystem::path labels;       // --labels: scannetv2-labels.combined.tsv
  std::filesystem::path scans;        // --scans: names of the split's scans, one a line
  // Reads the boxes of a scene file; unset in a build without HDF5.
  ReadScene read_scene;
  // A question whose boxes cannot be found is left out (TruthFile::broken); else it is an error.
  bool spare_broken = false;
};

struct TruthFile {
  std::vector<Truth> questions;                        // in the order of the file
  std::unordered_map<std::string, std::size_t> place;  // by id
  // Nr3D: rows that do not count, by the reason.
  std::unordered_map<std::string, std::string> left_out;
  std::map<std::string, std::int64_t> left_out_counts;
  struct Broken {
    std::string scene, why;
  };
  std::unordered_map<std::string, Broken> broken;  // by id, with spare_broken
  std::vector<std::string> notes;                  // for the log
};

// Throws InputError: cannot be opened; no public answers in this file; --boxes or --scenes is
// needed. FormatError: the file is of no known form, with the element or line and the field.
TruthFile read_truth(Task task, const TruthSources& sources);

}  // namespace vega::score
