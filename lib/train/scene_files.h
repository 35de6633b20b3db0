// The files of the scenes that a run trains on.
#pragma once

#include <string>

#include "train/data.h"

namespace vega::train {

// Whether the vision tower trains: it reads the pictures of scene files in place of features.
bool reads_pixels(const Recipe& recipe);

// The files that the checkpoint needs of a scene. objects: the scene file is needed for them.
ScenePlace place_of(const std::string& key, const Recipe& recipe,
                    const vlm::VlmCheckpoint& checkpoint, bool objects);

// "KEY: no such file: PATH", naming the option where there is no folder; empty: all are there.
std::string what_is_missing(const ScenePlace& place);

// Fills `place` from the headers of its files. Returns these with their cache keys. Throws
// InputError: of another recipe than the checkpoint was trained on; no objects where they are
// needed. FormatError.
std::vector<DataFile> read_headers(ScenePlace& place, const Recipe& recipe,
                                   const vlm::VlmCheckpoint& checkpoint, bool objects);

}  // namespace vega::train
