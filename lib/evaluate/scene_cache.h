// Scenes that were shown last, so that questions of a scene read it once.
#pragma once

#include <cstddef>
#include <filesystem>
#include <list>
#include <map>
#include <string>
#include <utility>

#include "base/error.h"
#include "evaluate/show_scene.h"

namespace vega::evaluate {

class SceneCache {
 public:
  explicit SceneCache(std::filesystem::path folder) : folder_(std::move(folder)) {}

  // DIR/SCENE.h5. Throws InputError (again, where it did), FormatError.
  const ShownScene& of(const std::string& scene) {
    if (scene.empty())
      throw InputError(explain("scene", "not known", "the scene of the question",
                               "give --gt FILE: the annotation file names it"));
    if (const auto at = failed_.find(scene); at != failed_.end()) throw InputError(at->second);
    for (auto at = kept_.begin(); at != kept_.end(); ++at) {
      if (at->first != scene) continue;
      kept_.splice(kept_.begin(), kept_, at);
      return kept_.front().second;
    }
    const std::filesystem::path file = folder_ / (scene + ".h5");
    try {
      if (!std::filesystem::exists(file))
        throw InputError(explain(file.string(), "no such file", "the scene of the question",
                                 "make it with vega-extract scene"));
      kept_.emplace_front(scene, ShownScene(file));
    } catch (const InputError& error) {
      failed_[scene] = error.what();
      throw;
    }
    if (kept_.size() > kMost) kept_.pop_back();
    return kept_.front().second;
  }

 private:
  static constexpr std::size_t kMost = 4;
  std::filesystem::path folder_;
  std::list<std::pair<std::string, ShownScene>> kept_;  // the last one first
  std::map<std::string, std::string> failed_;           // why a scene cannot be read
};

}  // namespace vega::evaluate
