// What a scene file is made of: frames that were chosen, alignment, objects.
#pragma once

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

enum class ProposalKind { kAuto, kGt, kMasks, kBoxes, kNone };

// Objects as proposals whose ids have gaps. Source: scene_understanding 1.8.
enum class IdGaps {
  kDrop,  // reference: the scene is in no box file, so it takes no part
  kKeep   // fixed
};

// Options with every default resolved.
struct SceneRecipe {
  View view = View::kMllm;
  GeometryType geometry = GeometryType::kBf16;
  ZeroDepth zero = ZeroDepth::kKeep;
  scan::EmptyMask empty_mask = scan::EmptyMask::kTruncate;
  IdGaps id_gaps = IdGaps::kDrop;
  bool printed_poses = true;  // of a .sens: six decimals, as the release's posed images have
  ProposalKind proposals = ProposalKind::kAuto;
  SourceOptions source;
  Candidates folder_candidates, sens_candidates;
  bool coverage = false;  // --select mc...
  double ratio = 1;       // of what can be seen
  Selection selection;    // where not coverage
  int threads = 1;

  std::string switches() const;  // all repairs by name, for people

  CoordinateView coordinates() const {
    return view == View::kCenterCrop ? CoordinateView::kCenterCrop : CoordinateView::kResize;
  }
};

// Throws UsageError.
SceneRecipe resolve_scene(const SceneFileOptions& options);

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
SceneInput open_scene(const Item& item, const SceneFileOptions& options, const SceneRecipe& recipe,
                      Findings& findings);

// Files beside the frames of a source: those of a .sens, in the scene's own folder, or in
// scans/NAME beside posed_images/NAME. All empty: there are none.
scan::ScanFiles scan_files(const SceneSource& source);

// What features do not need, but stages after them: the scan's text file is missing, has no
// alignment, cannot be read (a warning), or states another number of frames.
void check_alignment(const SceneSource& source, Findings& findings);

// Where the scene of an item lies: as given, or an id below --root. Throws InputError.
std::filesystem::path path_of(const Item& item, const SceneFileOptions& options);

}  // namespace vega::extract
