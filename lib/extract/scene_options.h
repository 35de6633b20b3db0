// Options of `vega-extract scene`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "extract/options.h"
#include "geometry/points.h"
#include "scan/proposals.h"

namespace vega::extract {

enum class ProposalKind { kAuto, kGt, kMasks, kBoxes, kNone };

// What happens when annotated objects serve as proposals and their ids are not 0 to n-1. Source:
// Video-3D-LLM, extract_gt_box.
enum class IdGaps {
  kDrop,  // reference: the scene is in no box file, so it takes no part
  kKeep   // fixed
};

// Poses of a .sens.
enum class PoseMode { kRecorded, kPrinted };

// --select of a scene file: a rule that names frames, or maximum coverage (mc): the frames that
// together see most of the scene.
struct SceneSelection {
  bool coverage = false;  // mc, mc-ratio95, mc-ratio90
  double ratio = 1;       // of what can be seen
  Selection frames;       // where not coverage
  std::string text = frames.text;
};

inline constexpr Choice<bool> kDepthShift[] = {
    {false, "ignore", "they are millimetres, whatever the header says"},
    {true, "apply", "the depth shift of the header makes them millimetres"}};
inline constexpr Choice<PoseMode> kPoseModes[] = {
    {PoseMode::kRecorded, "recorded", "as the stream has them"},
    {PoseMode::kPrinted, "printed", "with the six decimals that the release's posed images have"}};
inline constexpr Choice<scan::EmptyMask> kEmptyMasks[] = {
    {scan::EmptyMask::kTruncate, "truncate", "it ends the list of proposals"},
    {scan::EmptyMask::kSkip, "skip", "it is left out"}};
inline constexpr Choice<IdGaps> kIdGaps[] = {
    {IdGaps::kDrop, "drop", "the scene fails (the release leaves it out)"},
    {IdGaps::kKeep, "keep", "the scene is made"}};

// What a run is told that needs no resolving: the options have it, and the recipe.
struct SceneSettings {
  OutputOptions output{.out = "scenes"};
  std::string frame_list, boxes, masks, labels;  // paths; empty: none was given
  std::optional<Candidates> candidates;          // unset: usual_candidates
  SceneSelection select;
  SourceOptions source;  // jpeg and depth_shift are resolved
  ProposalKind proposals = ProposalKind::kAuto;
  std::int64_t seed = 42;  // of ties in --select mc
};

struct SceneFileOptions : SceneSettings {
  ItemOptions items;
  RunOptions run;
  Compat compat = Compat::kReference;  // gives the optional fields below that are not set
  std::optional<ModelPreset> preset;
  std::optional<View> view;  // unset: that of the preset, or kMllm
  std::optional<JpegMode> jpeg;
  std::optional<PoseMode> poses;
  std::optional<GeometryType> geometry;
  std::optional<bool> depth_shift;
  std::optional<ZeroDepth> zero_depth;
  std::optional<scan::EmptyMask> empty_mask;
  std::optional<IdGaps> id_gaps;
  bool no_color = false;

  void visit(OptionVisitor& v);
};

// What a run of `vega-extract scene` does, with every default resolved. Below resolve_scene()
// nothing reads the options.
struct SceneRecipe : SceneSettings {
  View view = View::kMllm;              // or kCenterCrop
  PoseMode poses = PoseMode::kPrinted;  // of a .sens
  GeometryType geometry = GeometryType::kBf16;
  ZeroDepth zero = ZeroDepth::kKeep;
  scan::EmptyMask empty_mask = scan::EmptyMask::kTruncate;
  IdGaps id_gaps = IdGaps::kDrop;
  std::string root;  // scenes are ids below it; empty: they are paths
  bool color = true;
  int threads = 1;

  std::string switches() const;  // all repairs by name, for people

  CoordinateView coordinates() const {
    return view == View::kCenterCrop ? CoordinateView::kCenterCrop : CoordinateView::kResize;
  }
};

// Throws UsageError.
SceneRecipe resolve_scene(const SceneFileOptions& options);

}  // namespace vega::extract
