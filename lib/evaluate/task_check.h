// Settings with which no scene of a benchmark could be answered: the run's own error, not one of
// each scene.
#pragma once

#include "evaluate/task_plan.h"
#include "evaluate/task_scene_setup.h"

namespace vega::evaluate {

// Looks at folders and headers alone. Throws InputError: no scene of the question file has a file
// in a folder that is needed; all files of the scenes that are left were made with other settings
// than the checkpoint was trained with, and this is the first one's difference.
void check_settings(const SceneSetup& setup, const TaskPlan& plan);

}  // namespace vega::evaluate
