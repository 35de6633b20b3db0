#include "evaluate/options.h"

namespace vega::evaluate {

void CorrespondenceVerb::visit(OptionVisitor& v) {
  v.inputs(inputs, "FEATURES...",
           "feature files, or folders of them (features/TAG); with --compare each is a set of its "
           "own");
  v.group("Input");
  v.text("--scenes", scenes, "DIR", "scene files DIR/KEY.h5 of vega-extract scene");
  v.text("--list", list, "FILE|-",
         "feature files from a list instead: PATH or KEY<TAB>PATH a line; - reads stdin");
  v.text("--shard", shard, "i/n|auto", "only the lines whose number modulo n is i (from 0)");
  v.text("--tap", tap, "NAME,...|all",
         "which features (default: the file's default tap); several are ranked side by side");
  v.flag("--compare", compare,
         "rank the FEATURES side by side, on the scenes that all of them have");

  v.group("Scores");
  v.text("--metrics", metrics, "voxel|probe3d|all",
         "voxel: adjacent and multi-view voxel scores, margin, AUC, matching; probe3d: dense "
         "matches by the Probe3D protocol");
  v.text("--rank-by", rank_by, "METRIC",
         "what sets are ranked by (default: multi_view, of the first --center, or probe3d_0.1m; "
         "docs/correspondence.md)");
  v.text("--center", center, "none,mean,zscore",
         "what is taken from the features first, each a set of numbers: nothing, the scene's mean "
         "token, mean and standard deviation");
  v.real("--voxel", voxel, "M", {}, "side of a voxel, m");
  v.real("--unrelated", unrelated, "M", {}, "tokens further apart than this are unrelated, m");
  v.integer("--auc-pairs", auc_pairs, "N", {}, "token pairs behind the AUC");
  v.integer("--seed", seed, "N", {}, "seed of every random choice");
  v.flag("--permuted-poses", permuted_poses,
         "a set more for each: every frame with another frame's pose; what scores there is not "
         "geometry");

  v.group("Geometry");
  v.text(
      "--compat", compat, "reference|fixed",
      "reference: the released geometry; fixed: --cells pixels --zero-depth mask --min-valid 0.5 "
      "--repeats drop");
  v.text("--cells", cells, "crop|pixels",
         "crop: the depth map is resized and cropped like frames of view native (other views: "
         "pixels); pixels: the depth pixels inside each cell");
  v.text("--zero-depth", zero_depth, "keep|mask",
         "keep: pixels without depth are points at the camera, as released; mask: left out");
  v.real("--min-valid", min_valid, "SHARE", {},
         "least share of a cell's pixels with depth; -1: 0.1 as released, 0.5 with --compat fixed");
  v.text("--repeats", repeats, "keep|drop",
         "frames that a short scene's selection holds twice (they raise every score)");

  v.group("Probe3D");
  v.text(
      "--pairs", pairs, "FILE",
      "pairs of frames: KEY ID ID a line (docs/correspondence.md makes it of the standard 1500)");
  v.integer("--probe-pairs", probe_pairs, "N", {},
            "without --pairs: at most so many of a scene, with an overlap of 0.1 to 0.8; 0: all");
  v.integer("--points", points, "N", {},
            "points a picture; 0: all; -1: 2000 on the CPU, all on CUDA");
  v.integer("--keep", keep, "N", {}, "matches kept a pair, those with the highest weights");
  v.flag("--no-ratio-test", no_ratio_test, "weight a match by its own distance alone");

  v.group("Output");
  v.text("-o,--out", out, "DIR",
         "tables (Markdown, CSV) and JSON go to DIR; scores of single scenes are kept there: a "
         "stopped "
         "run goes on, and a run over the whole list brings shards together");
  v.text("--format", format, "text|markdown|csv|json", "of the answer on stdout");
  v.flag("--pictures", pictures, "heat maps and match pictures of every scene, with -o");
  v.integer("--picture-frames", picture_frames, "N", {},
            "frames in a heat map, pairs in a match picture");

  v.group("Run");
  v.text("--device", device, "cpu|cuda[:n]", "where Probe3D's nearest neighbours are found");
  v.integer("--threads", threads, "N", {}, "worker threads; 0: all cores");
  v.flag("--overwrite", overwrite, "score again what DIR/scores of -o has already");
  v.flag("--fail-fast", fail_fast, "stop at the first scene that fails");
  v.text("--report", report, "FILE.json", "outcome and times of every scene");
}

}  // namespace vega::evaluate
