#include "tasks/scored.h"

namespace vega::tasks {

void ScoredSources::visit(OptionVisitor& v) {
  v.text("--questions", questions, "FILE", "SQA3D: v1_balanced_questions_*: texts and types");
  v.text("--gt-boxes", gt_boxes, "FILE",
         "boxes of annotated objects: scannet_val_gt_box.json (default: those of --scenes)");
  v.text("--labels", labels, "FILE",
         "scannetv2-labels.combined.tsv: tells unique from multiple in ScanRefer's original file");
  v.text("--scans", scans, "FILE", "Nr3D: names of the split's scans, one a line");
  v.group("How answers are compared");
  v.text("--matcher", matcher, "NAME",
         "a name of docs/scoring.md; without it the official one of the task");
  v.real("--threshold", threshold, "P", {0, 1},
         "Multi3DRefer: probability that the chosen boxes gather");
  v.text("--meteor-dir", meteor_dir, "DIR",
         "folder of meteor-1.5.jar and data/paraphrase-en.gz: METEOR as published");
  v.text("--wordnet-dir", wordnet_dir, "DIR",
         "WordNet 3.0, for meteor-wordnet (default: /usr/share/wordnet)");
}

}  // namespace vega::tasks
