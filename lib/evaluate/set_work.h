// One set's features of a scene, and everything that is computed from them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "correspondence/summary.h"
#include "evaluate/recipe.h"
#include "evaluate/scene_tokens.h"
#include "store/features.h"
#include "store/scene_file.h"

namespace vega::evaluate {

struct SceneResult {
  SceneScore score;
  std::string cache_key, tap;  // of the features
};

// The arguments must outlive it.
class SetWork {
 public:
  // Reads the features of scene `key` and places their cells. Throws InputError, FormatError.
  SetWork(const Recipe& recipe, const ScoredSet& set, const std::string& key,
          const SceneReader& scene);

  // Throws InputError: no cell with depth, a frame of --pairs that is not there.
  SceneResult score() const;

  // FOLDER/KEY-heat.png and KEY-matches.png of a score with its maps and matches; of probe3d alone
  // none. most: frames, and pairs of frames. Throws OutputError.
  void draw(const SceneScore& score, const std::filesystem::path& folder, std::int64_t most) const;

 private:
  using FramePairs = std::vector<std::pair<std::int64_t, std::int64_t>>;

  void probe(SceneScore& score) const;
  FramePairs places_of(const FramePairs& ids) const;
  FramePairs chosen_pairs(std::vector<ProbeImage> images, std::vector<double>& overlap) const;

  const Recipe& recipe_;
  const ScoredSet& set_;
  const std::string& key_;
  const SceneReader& scene_;
  FeatureReader features_;
  std::size_t tap_ = 0;
  LoadedTokens loaded_;
};

}  // namespace vega::evaluate
