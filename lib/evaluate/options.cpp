#include "evaluate/options.h"

namespace vega::evaluate {
namespace {

constexpr Choice<Compat> kCompat[] = {
    {Compat::kReference, "reference", "the released geometry"},
    {Compat::kFixed, "fixed", "--cells pixels --zero-depth mask --min-valid 0.5 --repeats drop"}};
constexpr Choice<CellDepth> kCellDepths[] = {
    {CellDepth::kCrop, "crop",
     "the depth map is resized and cropped like frames of view native (other views: pixels)"},
    {CellDepth::kPixels, "pixels", "the depth pixels inside each cell"}};
constexpr Choice<Repeats> kRepeats[] = {{Repeats::kKeep, "keep"}, {Repeats::kDrop, "drop"}};
constexpr Choice<TableFormat> kFormats[] = {{TableFormat::kText, "text"},
                                            {TableFormat::kMarkdown, "markdown"},
                                            {TableFormat::kCsv, "csv"},
                                            {TableFormat::kJson, "json"}};

void visit_scores(CorrespondenceVerb& o, OptionVisitor& v) {
  v.group("Scores");
  v.choice("--metrics", o.metrics, kMetrics, "");
  v.text("--rank-by", o.rank_by, "METRIC",
         "what sets are ranked by (default: multi_view, of the first --center, or probe3d_0.1m; "
         "docs/correspondence.md)");
  v.choices("--center", o.center, kCenters,
            "what is taken from the features first, each a set of numbers");
  v.real("--voxel", o.voxel, "M", {.least = 1e-4}, "side of a voxel, m");
  v.real("--unrelated", o.unrelated, "M", {.least = 0},
         "tokens further apart than this are unrelated, m");
  v.integer("--auc-pairs", o.auc_pairs, "N", {.least = 0}, "token pairs behind the AUC");
  v.integer("--seed", o.seed, "N", {}, "seed of every random choice");
  v.flag("--permuted-poses", o.permuted_poses,
         "a set more for each: every frame with another frame's pose; what scores there is not "
         "geometry");
}

void visit_geometry(CorrespondenceVerb& o, OptionVisitor& v) {
  v.group("Geometry");
  v.choice("--compat", o.compat, kCompat, "");
  v.choice("--cells", o.cells, kCellDepths, "depth of a cell (default: by --compat)");
  v.choice("--zero-depth", o.zero_depth, kZeroDepths,
           "pixels without depth (default: by --compat)");
  v.real("--min-valid", o.min_valid, "SHARE", {-1, 1},
         "least share of a cell's pixels with depth; -1: 0.1 as released, 0.5 with --compat fixed");
  v.choice("--repeats", o.repeats, kRepeats,
           "frames that a short scene's selection holds twice (they raise every score; default: by "
           "--compat)");
}

void visit_probe(CorrespondenceVerb& o, OptionVisitor& v) {
  v.group("Probe3D");
  v.text("--pairs", o.pairs, "FILE",
         "pairs of frames: KEY ID ID a line (docs/correspondence.md makes it of the standard "
         "1500)");
  v.integer("--probe-pairs", o.probe_pairs, "N", {.least = 0},
            "without --pairs: at most so many of a scene, with an overlap of 0.1 to 0.8; 0: all");
  v.integer("--points", o.points, "N", {.least = -1},
            "points a picture; 0: all; -1: 2000 on the CPU, all on CUDA");
  v.integer("--keep", o.keep, "N", {.least = 1},
            "matches kept a pair, those with the highest weights");
  v.flag("--no-ratio-test", o.no_ratio_test, "weight a match by its own distance alone");
}

}  // namespace

void CorrespondenceVerb::visit(OptionVisitor& v) {
  items.visit(v, {.placeholder = "FEATURES...",
                  .help = "feature files, or folders of them (features/TAG); with --compare each "
                          "is a set of its own",
                  .items = "feature files",
                  .key = false});
  v.text("--scenes", scenes, "DIR", "scene files DIR/KEY.h5 of vega-extract scene");
  v.text("--tap", tap, "NAME,...|all",
         "which features (default: the file's default tap); several are ranked side by side");
  v.flag("--compare", compare,
         "rank the FEATURES side by side, on the scenes that all of them have");
  visit_scores(*this, v);
  visit_geometry(*this, v);
  visit_probe(*this, v);
  output.visit(v,
               "tables (Markdown, CSV) and JSON go to DIR; scores of single scenes are kept there: "
               "a stopped run goes on, and a run over the whole list brings shards together");
  v.choice("--format", format, kFormats, "of the answer on stdout");
  v.flag("--pictures", pictures, "heat maps and match pictures of every scene, with -o");
  v.integer("--picture-frames", picture_frames, "N", {.least = 1},
            "frames in a heat map, pairs in a match picture");
  DeviceOptions::visit_device(v, device, "where Probe3D's nearest neighbours are found");
  run.visit(v);
}

}  // namespace vega::evaluate
