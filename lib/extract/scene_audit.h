// `vega-extract scene --dry-run`: what each scene has and lacks, and what a run would take.
#pragma once

#include <vector>

#include "extract/audit.h"
#include "extract/scene_input.h"

namespace vega::extract {

// Looks at what lies beside the frames (alignment, mesh, annotation, proposals), then at the chosen
// frames, and collects every fault. It computes one frame, to measure the time, and compares frames
// with an output only where one exists. --select mc reads the depth of all candidates, because the
// chosen frames depend on it.
Audit audit_scene_files(const std::vector<Item>& items, const SceneFileOptions& options,
                        const SceneRecipe& recipe);

}  // namespace vega::extract
