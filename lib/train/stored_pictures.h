// What tower and Wan made of videos, out of files of vega-extract features, in place of running
// them in every step.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "train/data.h"

namespace vega::train {

class StoredPictures {
 public:
  // Of the folders of recipe.folders; both must outlive it.
  StoredPictures(const Recipe& recipe, const vlm::VlmCheckpoint& checkpoint)
      : recipe_(recipe), checkpoint_(checkpoint) {}

  // Names the files of a video or folder of frames, by its key: FOLDER/KEY.h5, as far as there are
  // folders. Whether there are such files, look() says.
  void name_files(const std::filesystem::path& source, ScenePlace& place) const;

  // Reads the headers of the files of a place, whose grid and frame_ids are known, and returns them
  // with their keys. Throws InputError: no such file; it lacks a frame that is shown; features of
  // another grid, of another model, and, but for --allow-mismatch, with other settings or noise
  // than this run's. FormatError.
  std::vector<DataFile> look(const ScenePlace& place);

 private:
  void check_tower(const std::filesystem::path& path, const ScenePlace& place);
  void check_wan(const std::filesystem::path& path, const ScenePlace& place);
  void refuse(const std::string& message);

  const Recipe& recipe_;
  const vlm::VlmCheckpoint& checkpoint_;
  std::string tower_key_, wan_key_;  // of the weights; empty: not asked for yet
  bool warned_ = false;              // of features that differ
};

// The rows of the place's files into `out`: semantic (V, rows, columns, H) and generative (V, h, w,
// C), float32. Throws InputError, FormatError.
void read_stored(const ScenePlace& place, const Recipe& recipe, vlm::SceneInput& out);

}  // namespace vega::train
