#include "evaluate/task_options.h"

namespace vega::evaluate {
namespace {

constexpr Choice<ObjectKind> kChosenFrom[] = {{ObjectKind::kProposal, "proposal", "of a detector"},
                                              {ObjectKind::kGt, "gt", "the annotated ones"}};

}  // namespace

void TaskOptions::visit(OptionVisitor& v) {
  v.group("Benchmark: TASK QUESTIONS.json");
  v.text(
      "--scans", scans, "DIR",
      "scans DIR/SCENE, from which files that are missing are made (default: they stay missing); "
      "of sqa3d with a Qwen2.5-VL model those whose frames it sees");
  v.text("--videos", videos, "DIR", "of vsi: the folder that holds the videos, DATASET/SCENE.mp4");
  v.text(
      "--images", images, "DIR",
      "of cvbench, blink, scanrefer-frames and scan2cap-frames: the folder in which the names of "
      "pictures begin");
  v.choice("--objects", objects, kChosenFrom,
           "which objects grounding chooses from (default: proposals; of nr3d the annotated ones)");
  v.text(
      "--shard", shard, "i/n|auto",
      "only the scenes, videos or pictures whose number modulo n is i (from 0); auto: by the task "
      "of a SLURM array");
  v.integer("--batch", batch, "N", {1, 4096},
            "answers of a scene or video that grow at a time; auto fits the memory");
  v.flag("--overwrite", overwrite, "start anew: answers that are there are removed");
  run.visit(v, "say what there is to do and what is missing, and answer nothing", false);
}

std::string TaskOptions::first_given() const {
  if (!scans.empty()) return "--scans";
  if (!videos.empty()) return "--videos";
  if (!images.empty()) return "--images";
  if (objects) return "--objects";
  if (!shard.empty()) return "--shard";
  if (batch) return "--batch";
  if (overwrite) return "--overwrite";
  if (run.fail_fast) return "--fail-fast";
  if (run.dry_run) return "--dry-run";
  return run.report.empty() ? "" : "--report";
}

}  // namespace vega::evaluate
