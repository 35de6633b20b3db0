#include "base/error.h"
#include "extract/scene_input.h"

namespace vega::extract {

std::string SceneRecipe::switches() const {
  std::string text;
  const auto say = [&](const char* option, std::string_view value) {
    text += (text.empty() ? "" : ", ") + std::string(option) + " " + std::string(value);
  };
  say("jpeg", name_in<JpegMode>(kJpegModes, source.jpeg));
  say("poses", name_in<PoseMode>(kPoseModes, poses));
  say("geometry", name_of(geometry));
  say("depth-shift", name_in<bool>(kDepthShift, source.depth_shift));
  say("zero-depth", name_of(zero));
  say("empty-mask", name_in<scan::EmptyMask>(kEmptyMasks, empty_mask));
  say("id-gaps", name_in<IdGaps>(kIdGaps, id_gaps));
  return text;
}

SceneRecipe resolve_scene(const SceneFileOptions& o) {
  if (o.proposals == ProposalKind::kBoxes && o.boxes.empty())
    throw UsageError(explain("--proposals boxes", "no --boxes", "a box list: --boxes FILE.json"));
  SceneRecipe r;
  const bool reference = o.compat == Compat::kReference;
  const auto pick = [&](const auto& given, auto released, auto repaired) {
    return given.value_or(reference ? released : repaired);
  };
  r.view = o.view;
  r.geometry = pick(o.geometry, GeometryType::kBf16, GeometryType::kF32);
  r.zero = pick(o.zero_depth, ZeroDepth::kKeep, ZeroDepth::kMask);
  r.empty_mask = pick(o.empty_mask, scan::EmptyMask::kTruncate, scan::EmptyMask::kSkip);
  r.source.jpeg = pick(o.jpeg, JpegMode::kReencoded, JpegMode::kOriginal);
  r.source.depth_shift = pick(o.depth_shift, false, true);
  r.source.on_decode_error = o.on_decode_error;
  r.poses = pick(o.poses, PoseMode::kPrinted, PoseMode::kRecorded);
  r.id_gaps = pick(o.id_gaps, IdGaps::kDrop, IdGaps::kKeep);
  r.proposals = o.proposals;
  r.boxes = o.boxes;
  r.masks = o.masks;
  r.labels = o.labels;
  r.frame_list = o.frame_list;
  r.folder_candidates = o.candidates.value_or(Candidates{});
  r.sens_candidates = o.candidates.value_or(Candidates{10});
  r.select = o.select;
  r.seed = o.seed;
  r.root = o.items.root;
  r.out = o.output.out;
  r.overwrite = o.output.overwrite;
  r.color = !o.no_color;
  r.threads = o.run.workers();
  return r;
}

}  // namespace vega::extract
