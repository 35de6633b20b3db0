// The files of one scene, open.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "base/json.h"
#include "evaluate/scan_files.h"
#include "store/features.h"
#include "store/scene_file.h"
#include "store/tokens_file.h"
#include "vlm/scene.h"

namespace vega::evaluate {

// How the files are read.
struct FileChoice {
  ObjectKind objects = ObjectKind::kProposal;
  std::string tap;              // of the generative features; empty: the file's default
  bool allow_mismatch = false;  // vlm::SceneFiles::allow_mismatch
};

// `files` points into the others.
struct OpenFiles {
  std::optional<FeatureReader> semantic, generative;
  std::optional<TokensReader> tokens;
  std::optional<SceneReader> scene;
  vlm::SceneFiles files;

  // Throws InputError, FormatError.
  OpenFiles(const ScenePaths& paths, const FileChoice& choice);
  OpenFiles(const OpenFiles&) = delete;
  OpenFiles& operator=(const OpenFiles&) = delete;

  std::size_t frame_count() const;
  // {PART: cache_key} of those that are there; of features that of the tap that is read.
  Json cache_keys() const;
};

}  // namespace vega::evaluate
