#include "base/error.h"
#include "base/parallel.h"
#include "extract/scene_input.h"

namespace vega::extract {
namespace {

[[noreturn]] void usage(const char* option, const std::string& got, const char* expected) {
  throw UsageError(explain(option, "'" + got + "'", expected));
}

ProposalKind proposal_kind(const std::string& name) {
  if (name == "auto") return ProposalKind::kAuto;
  if (name == "gt") return ProposalKind::kGt;
  if (name == "masks") return ProposalKind::kMasks;
  if (name == "boxes") return ProposalKind::kBoxes;
  if (name == "none") return ProposalKind::kNone;
  usage("--proposals", name, "auto, gt, masks, boxes or none");
}

void resolve_selection(const std::string& text, SceneRecipe& r) {
  r.coverage = text == "mc" || text.starts_with("mc-");
  if (!r.coverage) {
    r.selection = parse_selection(text);
    return;
  }
  if (text == "mc-ratio95")
    r.ratio = 0.95;
  else if (text == "mc-ratio90")
    r.ratio = 0.9;
  else if (text != "mc")
    usage("--select", text, "mc, mc-ratio95 or mc-ratio90");
}

}  // namespace

std::string SceneRecipe::switches() const {
  const bool skip = empty_mask == scan::EmptyMask::kSkip, keep = id_gaps == IdGaps::kKeep;
  const bool recorded = source.jpeg == JpegMode::kOriginal;
  return "jpeg " + std::string(recorded ? "original" : "reencoded") + ", poses " +
         (printed_poses ? "printed" : "recorded") + ", geometry " + std::string(name_of(geometry)) +
         ", depth-shift " + (source.depth_shift ? "apply" : "ignore") + ", zero-depth " +
         std::string(name_of(zero)) + ", empty-mask " + (skip ? "skip" : "truncate") +
         ", id-gaps " + (keep ? "keep" : "drop");
}

SceneRecipe resolve_scene(const SceneFileOptions& o) {
  SceneRecipe r;
  if (o.compat != "reference" && o.compat != "fixed")
    usage("--compat", o.compat, "reference or fixed");
  const bool reference = o.compat == "reference";
  const auto pick = [&](const std::string& given, const char* released, const char* repaired) {
    return !given.empty() ? given : std::string(reference ? released : repaired);
  };
  if (o.view != "mllm" && o.view != "center_crop")
    usage("--view", o.view, "mllm (the whole frame) or center_crop");
  r.view = view_from_name(o.view);
  r.geometry = geometry_type_from_name(pick(o.geometry, "bf16", "fp32"));
  const std::string shift = pick(o.depth_shift, "ignore", "apply");
  if (shift != "ignore" && shift != "apply") usage("--depth-shift", shift, "ignore or apply");
  r.source.depth_shift = shift == "apply";
  r.zero = zero_depth_from_name(pick(o.zero_depth, "keep", "mask"));
  const std::string empty = pick(o.empty_mask, "truncate", "skip");
  if (empty != "truncate" && empty != "skip") usage("--empty-mask", empty, "truncate or skip");
  r.empty_mask = empty == "skip" ? scan::EmptyMask::kSkip : scan::EmptyMask::kTruncate;
  const std::string jpeg = pick(o.jpeg, "reencoded", "original");
  if (jpeg != "original" && jpeg != "reencoded") usage("--jpeg", jpeg, "original or reencoded");
  r.source.jpeg = jpeg == "original" ? JpegMode::kOriginal : JpegMode::kReencoded;
  if (o.on_decode_error != "fail" && o.on_decode_error != "skip")
    usage("--on-decode-error", o.on_decode_error, "fail or skip");
  r.source.on_decode_error =
      o.on_decode_error == "skip" ? OnDecodeError::kSkip : OnDecodeError::kFail;
  const std::string poses = pick(o.poses, "printed", "recorded");
  if (poses != "printed" && poses != "recorded") usage("--poses", poses, "recorded or printed");
  r.printed_poses = poses == "printed";
  const std::string gaps = pick(o.id_gaps, "drop", "keep");
  if (gaps != "drop" && gaps != "keep") usage("--id-gaps", gaps, "drop or keep");
  r.id_gaps = gaps == "keep" ? IdGaps::kKeep : IdGaps::kDrop;
  r.proposals = proposal_kind(o.proposals);
  if (r.proposals == ProposalKind::kBoxes && o.boxes.empty())
    usage("--proposals", o.proposals, "a box list too: --boxes FILE.json");
  r.folder_candidates = parse_candidates(o.candidates.empty() ? "all" : o.candidates);
  r.sens_candidates = parse_candidates(o.candidates.empty() ? "every:10" : o.candidates);
  resolve_selection(o.select, r);
  if (o.threads < 0 || o.threads > 1024)
    usage("--threads", std::to_string(o.threads), "0 (all cores) to 1024");
  r.threads = o.threads > 0 ? static_cast<int>(o.threads) : available_cores();
  return r;
}

}  // namespace vega::extract
