#include "score/options.h"

#include "run/option_groups.h"
#include "score/meteor_source.h"

namespace vega::score {
namespace {

constexpr Choice<ClusterBy> kClusters[] = {
    {ClusterBy::kScene, "scene", "questions of one scene are drawn together"},
    {ClusterBy::kQuestion, "question", "as if every question had a scene of its own"}};
constexpr Choice<TableFormat> kFormats[] = {
    {TableFormat::kText, "text"},
    {TableFormat::kMarkdown, "markdown"},
    {TableFormat::kCsv, "csv", "one table, with --against the comparison"},
    {TableFormat::kJson, "json", "what -o writes"}};

}  // namespace

void ScoreOptions::visit(OptionVisitor& v) {
  v.inputs(inputs, "INPUT...",
           "the task (scanrefer, multi3drefer, scan2cap, scanqa, sqa3d, nr3d, vsi, cvbench, blink, "
           "scanrefer-frames, scan2cap-frames, libero), then answer files, or folders with "
           "answers.jsonl; several are seeds of one recipe");
  v.group("What is right");
  v.text("--gt", gt, "FILE",
         "annotation file, original or processed; else what the lines state (gt_response)");
  v.text("--questions", questions, "FILE", "SQA3D: v1_balanced_questions_*, for question types");
  v.text("--boxes", boxes, "FILE", "boxes of annotated objects: scannet_val_gt_box.json");
  v.text("--scenes", scenes, "DIR", "the same from scene files (KEY.h5)");
  v.text("--labels", labels, "FILE",
         "scannetv2-labels.combined.tsv: tells unique from multiple in ScanRefer's original file");
  v.text("--scans", scans, "FILE", "Nr3D: names of the split's scans, one a line");
  v.flag("--partial", partial, "score a part of the split; n/N stands beside every number");
  v.integer("--run", run, "N", {0}, "LIBERO: the run of a log that holds several; 0: it holds one");
  v.group("How answers are compared");
  v.text("--matcher", matcher, "NAME",
         "a name of docs/scoring.md; without it the official one of the task");
  v.text("--proposals", proposals, "FILE",
         "scanrefer-frames: scannet_val_pred_box.json; the detector's box that overlaps an answer "
         "most stands for it");
  v.flag("--all-variants", all_variants, "all matchers of the task side by side");
  v.real("--threshold", threshold, "P", {0, 1},
         "Multi3DRefer: probability that the chosen boxes gather");
  v.text("--meteor-dir", meteor_dir, "DIR",
         "folder of meteor-1.5.jar and data/paraphrase-en.gz: METEOR as published; without it "
         "meteor-wordnet");
  wordnet_dir = kWordNetFolder;
  v.text("--wordnet-dir", wordnet_dir, "DIR", "WordNet 3.0, for meteor-wordnet");
  v.text("--judge", judge, "FILE", "scores of a judge beside them: lines {id, score, scale}");
  v.group("How sure it is");
  v.texts("--against", against, "FILE",
          "answers of another system: paired difference; given as often as there are answer files: "
          "its seeds");
  v.choice("--cluster", cluster, kClusters, "");
  v.integer("--draws", draws, "N", {100, 1000000}, "resamplings of an interval");
  v.integer("--seed", seed, "N", {0}, "of the resamplings");
  v.group("Output");
  v.text("-o,--out", out, "FILE", "scores.json, for table and plot");
  v.text("--samples", samples, "FILE", "what each question earned, JSON Lines");
  v.choice("--format", format, kFormats, "");
  RunOptions::visit_threads(v, threads);
}

}  // namespace vega::score
