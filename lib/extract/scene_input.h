// What a scene file is made of: frames that were chosen, alignment, objects.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "extract/scene_options.h"
#include "geometry/coverage.h"
#include "geometry/patches.h"
#include "media/view.h"
#include "run/items.h"
#include "scan/files.h"
#include "scan/proposals.h"
#include "scene/select.h"
#include "scene/source.h"
#include "store/scene_file.h"

namespace vega::extract {

// One opened scene.
struct SceneInput {
  SceneSource source;                         // with a frame list: its frames, in its order
  scan::ScanFiles files;                      // of the scan folder; all empty: there is none
  Pose axis_align{};                          // identity where nothing says otherwise
  std::string alignment;                      // where it comes from: text, frame list, none
  std::vector<scan::Point3f> mesh;            // aligned vertices; read where something needs them
  std::vector<std::size_t> rows;              // indices into source.frames, in the order of use
  std::optional<Coverage> coverage;           // of --select mc
  std::optional<SceneObjects> gt, proposals;  // without cells
  bool dense_ids = true;                      // of gt
};

// Opens the frames, then alignment, selection, mesh, objects and proposals. Where `findings` throw,
// a fault ends it with InputError, FormatError (readers); where they collect, parts that cannot be
// read are left out, and without frames the rest stays empty. Throws Stopped.
SceneInput open_scene(const Item& item, const SceneRecipe& recipe, Findings& findings);

// The frames that --candidates and --select choose, in the order of use: indices into
// source.frames, a row of the output each. key: of the scene, for frames:DIR. Throws InputError
// (scene/select.h), FormatError (frames:DIR).
std::vector<std::size_t> selected_rows(const SceneSource& source, const std::string& key,
                                       const std::optional<Candidates>& candidates,
                                       const Selection& selection);

// Files beside the frames of a source: those of a .sens, in the scene's own folder, or in
// scans/NAME beside posed_images/NAME. All empty: there are none.
scan::ScanFiles scan_files(const SceneSource& source);

// What features do not need, but stages after them: the scan's text file is missing, has no
// alignment, cannot be read (a warning), or states another number of frames.
void check_alignment(const SceneSource& source, Findings& findings);

}  // namespace vega::extract
