// A scene's score as a small file, so that a stopped run goes on and shards come together.
#pragma once

#include <optional>
#include <string>

#include "correspondence/summary.h"

namespace vega {

// JSON ("vega.scene-score/1") of everything but maps and lists of matches (drop_details); numbers
// come back bit for bit. stamp: what the score was made of.
std::string score_record(const SceneScore& scene, const std::string& stamp);

// Nothing where the text is no such record, or has another stamp.
std::optional<SceneScore> read_score_record(const std::string& text, const std::string& stamp);

}  // namespace vega
