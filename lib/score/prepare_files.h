// The annotation files of a benchmark within a folder: one of its own, or the `data` folder of
// Video-3D-LLM (docs/dataset.md).
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "score/prepare.h"

namespace vega::score {

// An empty path: the file is not there.
struct AnnotationFiles {
  std::filesystem::path annotations, questions;
  std::vector<std::filesystem::path> more;  // of CV-Bench and BLINK: annotation files besides
  Split split{};
  // Of a data folder.
  std::filesystem::path boxes, proposals, labels, scans;
};

// Without a split: the one that the benchmark is evaluated on, or the only one that is there.
// Throws InputError: no such file; names those that were looked for.
AnnotationFiles find_annotations(tasks::Task task, const std::filesystem::path& folder,
                                 std::optional<Split> split);

// The folder of an annotation file of VSI-Bench where videos lie in it, in a folder scannet,
// scannetpp or arkitscenes; else empty.
std::filesystem::path videos_beside(const std::filesystem::path& annotations);

// train, val or test as a word of a file's name: "ScanQA_v1.0_test_w_obj.json".
std::optional<Split> split_in(const std::filesystem::path& file);

}  // namespace vega::score
