#include "extract/scene_options.h"

namespace vega::extract {

void SceneFileOptions::visit(OptionVisitor& v) {
  v.inputs(inputs, "INPUT...",
           "scenes with depth and poses: ScanNet scan folders (scans/ID), .sens files, ScanNet "
           "posed images, 7-Scenes folders");
  v.group("Input");
  v.text("--list", list, "FILE|-",
         "scenes from a list instead: PATH or KEY<TAB>PATH a line; - reads stdin");
  v.text("--shard", shard, "i/n|auto",
         "only the lines whose number modulo n is i (from 0); auto: by the task of a SLURM array");
  v.text("--root", root, "DIR",
         "inputs are scene ids below DIR: ScanNet (DIR/scans/ID) or the official data tree "
         "(DIR/scannet/posed_images/ID)");
  v.text("--key", key, "KEY", "name of the scene, with one INPUT (default: the folder's name)");
  v.text("--frame-list", frame_list, "FILE.json",
         "candidate frames, alignment and depth intrinsics from a list in EmbodiedScan's form "
         "(docs/formats.md)");
  v.text("--candidates", candidates, "all|every:K",
         "frames to choose from; every:K: ids that are multiples of K (default: every:10 of a "
         ".sens, as released, else all; all with --frame-list)");
  v.text("--select", select, "HOW",
         "uniform:N (spread over the scene), stride:K, fps:R, list:FILE (frame ids), frames:DIR "
         "(ids of DIR/KEY.h5), mc (the 32 frames that see most voxels of 0.1 m), mc-ratio95, "
         "mc-ratio90 (as few of these as reach 95 or 90 % of what can be seen)");
  v.text("--view", view, "mllm|center_crop",
         "part of the depth map behind the 14x14 patches: the whole (squashed to 384x384), or the "
         "384 middle columns of height 384 (the baseline)");
  v.text(
      "--on-decode-error", on_decode_error, "fail|skip",
      "a chosen frame whose picture or depth map cannot be read, or whose depth map is missing or "
      "of another size: the scene fails, or is made without it (counted in /provenance)");

  v.group("Objects");
  v.text("--proposals", proposals, "auto|gt|masks|boxes|none",
         "what the proposals are; auto: --boxes, else --masks or a NAME.mask.npz in the scan "
         "folder, else the annotated objects");
  v.text("--boxes", boxes, "FILE.json", "official box list (scannet_*_box.json)");
  v.text("--masks", masks, "FILE.npz|DIR",
         "instance masks of Mask3D, a SciPy sparse matrix; a folder holds NAME.mask.npz");
  v.text("--labels", labels, "FILE.tsv",
         "label table scannetv2-labels.combined.tsv (default: in the scan folder or above it)");

  v.group("Numbers");
  v.text(
      "--compat", compat, "reference|fixed",
      "reference: the released pipeline's numbers (--jpeg reencoded, --poses printed, --geometry "
      "bf16, --depth-shift ignore, --zero-depth keep, --empty-mask truncate, --id-gaps drop); "
      "fixed: original, recorded, fp32, apply, mask, skip, keep");
  v.text("--jpeg", jpeg, "original|reencoded",
         "frames of a .sens: as recorded, or encoded once more (quality 75); default: by --compat");
  v.text(
      "--poses", poses, "recorded|printed",
      "poses and intrinsics of a .sens: as recorded, or with the six decimals that the release's "
      "posed images have; default: by --compat");
  v.text("--geometry", geometry, "bf16|fp32",
         "rounding of coordinates and boxes before averages and box tests; default: by --compat");
  v.text(
      "--depth-shift", depth_shift, "ignore|apply",
      "depth values of a .sens: millimetres whatever its header says, or made millimetres by the "
      "depth shift of the header; default: by --compat");
  v.text("--zero-depth", zero_depth, "keep|mask",
         "pixels without depth: points at the camera's centre, or left out; default: by --compat");
  v.text("--empty-mask", empty_mask, "truncate|skip",
         "a mask without vertices ends the list of proposals, or is left out; default: by "
         "--compat");
  v.text("--id-gaps", id_gaps, "drop|keep",
         "annotated objects as proposals whose ids are not 0 to n-1 without gaps: the scene fails "
         "(the release leaves it out), or is made; default: by --compat");
  v.integer("--seed", seed, "N", {}, "seed of ties in --select mc");

  v.group("Run");
  v.text("-o,--out", out, "DIR", "results go to DIR/KEY.h5");
  v.flag("--no-color", no_color, "store no colour pictures");
  v.flag("--overwrite", overwrite, "make again what is there, whatever its options");
  v.flag("--fail-fast", fail_fast, "stop at the first scene that fails");
  v.flag("--dry-run", dry_run,
         "write nothing; say for every scene what it has and lacks, and what a run would take");
  v.text("--report", report, "FILE.json",
         "what became of every scene, with times; of a dry run: the audit");
  v.integer("--threads", threads, "N", {}, "worker threads (default: all cores)");
}

}  // namespace vega::extract
