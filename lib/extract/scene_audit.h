// `vega-extract scene --dry-run`: what each scene has and lacks, and what a run would take.
#pragma once

#include <vector>

#include "extract/audit.h"
#include "extract/scene_input.h"

namespace vega::extract {

// First what lies beside the frames (alignment, mesh, annotation, proposals), then the chosen
// frames; each fault on its own. Nothing is computed but for one frame, of which the time is taken;
// frames are compared with an output only where there is one. --select mc reads the depth of all
// candidates, or the frames would not be known.
Audit audit_scene_files(const std::vector<Item>& items, const SceneFileOptions& options,
                        const SceneRecipe& recipe);

}  // namespace vega::extract
