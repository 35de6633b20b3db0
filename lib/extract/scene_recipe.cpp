#include "base/error.h"
#include "extract/scene_options.h"

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
  SceneRecipe r{o};
  const bool reference = o.compat == Compat::kReference;
  const auto pick = [&](const auto& given, auto released, auto repaired) {
    return given.value_or(reference ? released : repaired);
  };
  r.source.jpeg = pick(o.jpeg, JpegMode::kReencoded, JpegMode::kOriginal);
  r.source.depth_shift = pick(o.depth_shift, false, true);
  r.view = chosen_view(o.view, o.preset).value_or(View::kMllm);
  r.poses = pick(o.poses, PoseMode::kPrinted, PoseMode::kRecorded);
  r.geometry = pick(o.geometry, GeometryType::kBf16, GeometryType::kF32);
  r.zero = pick(o.zero_depth, ZeroDepth::kKeep, ZeroDepth::kMask);
  r.empty_mask = pick(o.empty_mask, scan::EmptyMask::kTruncate, scan::EmptyMask::kSkip);
  r.id_gaps = pick(o.id_gaps, IdGaps::kDrop, IdGaps::kKeep);
  r.root = o.items.root;
  r.color = !o.no_color;
  r.threads = o.run.workers();
  return r;
}

}  // namespace vega::extract
