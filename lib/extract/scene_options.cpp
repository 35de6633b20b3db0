#include "extract/scene_options.h"

#include "base/error.h"

namespace vega::extract {
namespace {

constexpr Choice<View> kSceneViews[] = {
    {View::kMllm, "mllm", "the whole map squashed to 384x384"},
    {View::kCenterCrop, "center_crop", "the 384 middle columns of height 384 (the baseline)"}};

constexpr Choice<ProposalKind> kProposals[] = {
    {ProposalKind::kAuto, "auto",
     "--boxes, else --masks or a NAME.mask.npz in the scan folder, else the annotated objects"},
    {ProposalKind::kGt, "gt"},
    {ProposalKind::kMasks, "masks"},
    {ProposalKind::kBoxes, "boxes"},
    {ProposalKind::kNone, "none"}};

constexpr Choice<Compat> kSceneCompat[] = {
    {Compat::kReference, "reference",
     "the released pipeline's numbers (--jpeg reencoded, --poses printed, --geometry bf16, "
     "--depth-shift ignore, --zero-depth keep, --empty-mask truncate, --id-gaps drop)"},
    {Compat::kFixed, "fixed", "original, recorded, fp32, apply, mask, skip, keep"}};

SceneSelection scene_selection(const std::string& option, const std::string& text) {
  if (text == "mc") return {true, 1, {}, text};
  if (text == "mc-ratio95") return {true, 0.95, {}, text};
  if (text == "mc-ratio90") return {true, 0.9, {}, text};
  if (text.starts_with("mc-"))
    throw UsageError(explain(option, "'" + text + "'", "mc, mc-ratio95 or mc-ratio90"));
  return {false, 1, parse_selection(text), text};
}

void visit_frames(SceneFileOptions& o, OptionVisitor& v) {
  v.group("Frames");
  v.text("--frame-list", o.frame_list, "FILE.json",
         "candidate frames, alignment and depth intrinsics from a list in EmbodiedScan's form "
         "(docs/formats.md)");
  v.parsed("--candidates", o.candidates, "all|every:K", "", candidates_option,
           "frames to choose from; every:K: ids that are multiples of K (default: every:10 of a "
           ".sens, as released, else all; all with --frame-list)");
  v.parsed("--select", o.select, "HOW", o.select.text, scene_selection,
           "uniform:N (spread over the scene), stride:K, fps:R, list:FILE (frame ids), frames:DIR "
           "(ids of DIR/KEY.h5), mc (the 32 frames that see most voxels of 0.1 m), mc-ratio95, "
           "mc-ratio90 (as few of these as reach 95 or 90 % of what can be seen)");
  v.choice("--view", o.view, kSceneViews,
           "part of the depth map behind the 14x14 patches (default: by --preset, or mllm)");
  v.choice("--preset", o.preset, kModelPresets, "--view as a released model saw the frames");
  v.choice(
      "--on-decode-error", o.source.on_decode_error, kOnDecodeError,
      "a chosen frame whose picture or depth map cannot be read, or whose depth map is missing "
      "or of another size");
}

void visit_numbers(SceneFileOptions& o, OptionVisitor& v) {
  v.group("Numbers");
  v.choice("--compat", o.compat, kSceneCompat, "");
  v.choice("--jpeg", o.jpeg, kJpegModes, "frames of a .sens (default: by --compat)");
  v.choice("--poses", o.poses, kPoseModes,
           "poses and intrinsics of a .sens (default: by --compat)");
  v.choice("--geometry", o.geometry, kGeometryTypes,
           "rounding of coordinates and boxes before averages and box tests (default: by "
           "--compat)");
  v.choice("--depth-shift", o.depth_shift, kDepthShift,
           "depth values of a .sens, or of a folder with _info.txt (default: by --compat)");
  v.choice("--zero-depth", o.zero_depth, kZeroDepths,
           "pixels without depth (default: by --compat)");
  v.choice("--empty-mask", o.empty_mask, kEmptyMasks,
           "a mask without vertices (default: by --compat)");
  v.choice("--id-gaps", o.id_gaps, kIdGaps,
           "annotated objects as proposals whose ids are not 0 to n-1 without gaps (default: by "
           "--compat)");
  v.integer("--seed", o.seed, "N", {}, "seed of ties in --select mc");
}

}  // namespace

void SceneFileOptions::visit(OptionVisitor& v) {
  items.visit(v, {.help = "scenes with depth and poses: ScanNet scan folders (scans/ID), .sens "
                          "files, and the folders that features reads: ScanNet posed images, "
                          "7-Scenes, SensReader, scannet_frames_25k",
                  .root = true});
  visit_frames(*this, v);
  v.group("Objects");
  v.choice("--proposals", proposals, kProposals, "what the proposals are");
  v.text("--boxes", boxes, "FILE.json", "official box list (scannet_*_box.json)");
  v.text("--masks", masks, "FILE.npz|DIR",
         "instance masks of Mask3D, a SciPy sparse matrix; a folder holds NAME.mask.npz");
  v.text("--labels", labels, "FILE.tsv",
         "label table scannetv2-labels.combined.tsv (default: in the scan folder or above it)");
  visit_numbers(*this, v);
  output.visit(v, "results go to DIR/KEY.h5");
  v.flag("--no-color", no_color, "store no colour pictures");
  run.visit(v,
            "write nothing; say for every scene what it has and lacks, and what a run would take");
}

}  // namespace vega::extract
