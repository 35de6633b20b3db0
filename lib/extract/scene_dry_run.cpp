// `vega-extract scene --dry-run`: what a scene has and lacks, and what a run would take.
#include <algorithm>
#include <set>

#include "base/clock.h"
#include "base/error.h"
#include "extract/scene_work.h"
#include "scene/frame.h"

namespace vega::extract {
namespace {

double as_double(std::size_t value) { return static_cast<double>(value); }

double count_of(const std::optional<SceneObjects>& objects) {
  return objects ? as_double(objects->id.size()) : 0;
}

}  // namespace

ScanSummary SceneFileWork::scan_summary() const {
  ScanSummary scan;
  scan.alignment = in_.alignment;
  if (!in_.mesh.empty()) scan.vertices = std::ssize(in_.mesh);
  if (in_.gt) scan.objects = std::ssize(in_.gt->id);
  if (in_.proposals) {
    scan.proposals = std::ssize(in_.proposals->id);
    scan.proposal_source = in_.proposals->source;
  }
  scan.dense_ids = in_.dense_ids;
  return scan;
}

// Seconds of the first frame on one thread: reading, points, patches, cells.
double SceneFileWork::measure_frame() const {
  const FrameRef& frame = in_.source.frames[in_.rows.front()];
  const auto start = Clock::now();
  const auto picture = color_bytes(in_.source, frame);
  const ImageU16 depth = load_depth(in_.source, frame);
  const PointMap map =
      unproject(depth, *in_.source.K_depth, multiply(in_.axis_align, *frame.world_from_cam),
                coordinate_grid(depth.size(), recipe_.coordinates()));
  average_patches(map, kPatch27, recipe_.geometry, recipe_.zero);
  for (const auto* objects : {&in_.gt, &in_.proposals}) {
    if (*objects) box_counts(map, (*objects)->box, kPatch14, recipe_.geometry, recipe_.zero);
  }
  return seconds_since(start);
}

// Arrays and tables, HDF5's own by rule of thumb.
double SceneFileWork::output_bytes(const FramesSummary& seen) const {
  constexpr double kFile = 12000, kRow = 450, kObject = 120;
  const double rows = as_double(in_.rows.size());
  const double depth = 2.0 * seen.depth.width * seen.depth.height;
  const double cells = kCellGrid * kCellGrid, tokens = kTokenGrid * kTokenGrid;
  const double pictures = recipe_.color ? rows * seen.encoded_bytes : 0;
  return kFile + rows * (depth + 16 * tokens + kRow) + flat_bytes(pictures) +
         (count_of(in_.gt) + count_of(in_.proposals)) * (rows * cells + kObject);
}

// Bytes at the peak: rows kept for the second reading, cells, frames in work, the mesh.
double SceneFileWork::host_bytes(const FramesSummary& seen) const {
  const double rows = as_double(in_.rows.size());
  const double frame = 2.0 * seen.depth.width * seen.depth.height + seen.encoded_bytes;
  const double map = 16.0 * kCoordinateSide * kCoordinateSide;
  const double cells = (count_of(in_.gt) + count_of(in_.proposals)) * rows * kCellGrid * kCellGrid;
  return std::min(as_double(kKeptRowBytes), rows * frame) + std::min(as_double(kCellBytes), cells) +
         recipe_.threads * (3 * frame + map) + 28 * as_double(in_.mesh.size());
}

DryScene SceneFileWork::look(const Machine& machine, bool several) {
  DryScene scene;
  scene.key = item_.key;
  scene.output = output_.string();
  const auto start = Clock::now();
  in_ = open_scene(item_, recipe_, findings_);
  const double opening = seconds_since(start);
  scene.input = in_.source.root.string();
  scene.dialect = in_.source.dialect;
  scene.found = in_.source.found;
  scene.usable = std::ssize(in_.source.frames);
  scene.scan = scan_summary();
  if (!in_.source.frames.empty()) {
    look_at_frames();
    glance_at_others(in_.source, recipe_.threads, seen_);
    const auto lost = check_frames(in_.source, seen_, rule(), findings_);
    if (rule().skip_broken) drop_rows(lost);
    scene.frames = summarize_frames(seen_);
  }
  scene.findings = std::move(findings_);
  const std::set<std::size_t> distinct(in_.rows.begin(), in_.rows.end());
  count_frames(scene, in_.rows.size(), distinct.size());
  if (!scene.possible() || in_.rows.empty()) return scene;
  compare_output(scene, recipe_.output.overwrite, [&] {
    describe_file();
    return decide(output_, kSceneSchema, scene_.header, false).decision;
  });
  if (scene.existing == OutputState::kComplete || !scene.possible()) return scene;
  // Bytes a second that common disks write, flush and read back.
  constexpr double kDiskRate = 300e6;
  const double rows = as_double(in_.rows.size());
  Forecast& f = scene.forecast;
  f.output_bytes = output_bytes(scene.frames);
  f.host_bytes = machine.host_used + host_bytes(scene.frames) * (several ? 2 : 1);
  f.seconds = opening + rows * measure_frame() / std::min<double>(recipe_.threads, rows) +
              f.output_bytes / kDiskRate;
  return scene;
}

}  // namespace vega::extract
