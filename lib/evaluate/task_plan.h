// Which questions of a file a shard answers, scene by scene.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "run/shard.h"
#include "tasks/sample.h"

namespace vega::evaluate {

struct ScenePlan {
  std::string scene;
  const tasks::Sample* first = nullptr;    // of its questions; says what the scene is made of
  std::vector<const tasks::Sample*> left;  // not answered yet, in the order of the file
  std::size_t answered = 0;

  // Whether some question is asked: an object without a proposal has the empty caption, whatever
  // files there are.
  bool needs_files() const;
};

struct TaskPlan {
  std::vector<std::string> all_scenes;  // of the file, in natural order
  std::vector<ScenePlan> scenes;        // of this shard, in that order
  std::size_t questions = 0, left = 0;  // of this shard

  std::size_t scenes_left() const;
};

// A scene is named by its key; VSI-Bench's videos by DATASET/SCENE; pictures by their names; the
// frames of a scene by the scene and a digest of their names. Shards
// take whole scenes: what a model sees of a scene serves all its questions. Scenes are numbered
// over the whole file, before any is left out, so that shares do not depend on what is answered.
// The samples must outlive the plan.
TaskPlan plan_questions(const std::vector<tasks::Sample>& samples, Shard shard,
                        const std::function<bool(const std::string& id)>& answered);

}  // namespace vega::evaluate
