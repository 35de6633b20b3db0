#include "extract/scene_audit.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <set>

#include "base/error.h"
#include "base/stop.h"
#include "extract/scene_work.h"
#include "scene/checks.h"
#include "scene/frame.h"

namespace vega::extract {
namespace fs = std::filesystem;
namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double real(std::size_t value) { return static_cast<double>(value); }

std::size_t count_of(const std::optional<SceneObjects>& objects) {
  return objects ? objects->id.size() : 0;
}

ScanAudit scan_audit(const SceneInput& in) {
  ScanAudit scan;
  scan.alignment = in.alignment;
  if (!in.mesh.empty()) scan.vertices = std::ssize(in.mesh);
  if (in.gt) scan.objects = std::ssize(in.gt->id);
  if (in.proposals) {
    scan.proposals = std::ssize(in.proposals->id);
    scan.proposal_source = in.proposals->source;
  }
  scan.dense_ids = in.dense_ids;
  return scan;
}

// Seconds of one frame on one thread: reading, points, patches, cells.
double frame_seconds(const SceneInput& in, const SceneRecipe& recipe, std::size_t place) {
  const FrameRef& frame = in.source.frames[place];
  const auto start = Clock::now();
  const auto picture = color_bytes(in.source, frame);
  const ImageU16 depth = load_depth(in.source, frame);
  const PointMap map =
      unproject(depth, *in.source.K_depth, multiply(in.axis_align, *frame.world_from_cam),
                coordinate_grid(depth.size(), recipe.coordinates()));
  average_patches(map, kPatch27, recipe.geometry, recipe.zero);
  for (const auto* objects : {&in.gt, &in.proposals}) {
    if (*objects) box_counts(map, (*objects)->box, kPatch14, recipe.geometry, recipe.zero);
  }
  return since(start);
}

// Bytes of the output: arrays and tables, HDF5's own by rule of thumb.
double file_bytes(const SceneInput& in, const SceneAudit& audit, bool color) {
  constexpr double kFile = 12000, kRow = 450, kObject = 120;
  const double rows = real(in.rows.size());
  const double depth = 2.0 * audit.pictures.depth.width * audit.pictures.depth.height;
  const double objects = real(count_of(in.gt) + count_of(in.proposals));
  const double cells = kCellGrid * kCellGrid, tokens = kTokenGrid * kTokenGrid;
  const double pictures = color ? rows * audit.pictures.encoded_bytes : 0;
  return kFile + rows * (depth + 16 * tokens + kRow) + flat_bytes(pictures) +
         objects * (rows * cells + kObject);
}

// Of the peak: what is kept for the second reading, cells, frames in work, the mesh.
double host_bytes(const SceneInput& in, const SceneAudit& audit, const SceneRecipe& recipe,
                  double used, bool several) {
  const double rows = real(in.rows.size());
  const double frame =
      2.0 * audit.pictures.depth.width * audit.pictures.depth.height + audit.pictures.encoded_bytes;
  const double map = 16.0 * kCoordinateSide * kCoordinateSide;
  const double objects = real(count_of(in.gt) + count_of(in.proposals));
  const double cells = objects * rows * kCellGrid * kCellGrid;
  const double scene = std::min(real(kKeptRowBytes), rows * frame) +
                       std::min(real(kCellBytes), cells) + 2 * recipe.threads * frame +
                       recipe.threads * (frame + map) + 28 * real(in.mesh.size());
  return used + scene * (several ? 2 : 1);
}

void look_at_output(SceneFileWork& work, SceneInput in, SceneAudit& audit) {
  try {
    switch (work.compare(std::move(in))) {
      case Decision::kSkip: audit.existing.state = OutputState::kComplete; break;
      case Decision::kOverwrite: audit.existing.state = OutputState::kReplaced; break;
      default: audit.existing.state = OutputState::kAbsent;
    }
  } catch (const RefusedError& error) {
    audit.existing.state = OutputState::kOther;
    audit.findings.add(Severity::kError, "output", audit.output, error.what());
  } catch (const FormatError& error) {
    audit.existing.state = OutputState::kDamaged;
    audit.findings.add(Severity::kError, "output", audit.output, error.what());
  }
}

// The chosen frames, and rows without those that a run would leave out.
void look_at_frames(const SceneRecipe& recipe, SceneInput& in, SceneAudit& audit) {
  const std::set<std::size_t> distinct(in.rows.begin(), in.rows.end());
  const std::vector<std::size_t> selected(distinct.begin(), distinct.end());
  audit.selected = std::ssize(selected);
  audit.rows = std::ssize(in.rows);
  if (audit.rows > audit.selected)
    audit.findings.add(Severity::kNote, "frames", audit.input,
                       std::to_string(audit.rows) + " frames are asked for, of " +
                           std::to_string(audit.selected) + ": some fill several rows");
  PictureAuditOptions options;
  options.threads = recipe.threads;
  options.skip_broken = recipe.source.on_decode_error == OnDecodeError::kSkip;
  options.need_depth = true;
  options.label = audit.key;
  audit.pictures = audit_pictures(in.source, selected, options, audit.findings);
  check_cameras(in.source, audit.pictures.color, audit.pictures.depth, audit.findings);
  std::set<std::size_t> lost;
  for (const std::size_t place : audit.pictures.lost) lost.insert(selected[place]);
  std::erase_if(in.rows, [&](std::size_t row) { return lost.contains(row); });
  audit.selected -= std::ssize(lost);
  audit.rows = std::ssize(in.rows);
}

void look_at(const Item& item, const SceneFileOptions& options, const SceneRecipe& recipe,
             const Machine& machine, bool several, SceneAudit& audit) {
  const auto start = Clock::now();
  audit.input = path_of(item, options).string();
  SceneInput in = open_scene(item, options, recipe, audit.findings);
  const double opening = since(start);
  audit.dialect = in.source.dialect;
  audit.found = in.source.found;
  audit.candidates = std::ssize(in.source.frames);
  if (in.source.frames.empty()) return;
  audit.scan = scan_audit(in);
  look_at_frames(recipe, in, audit);
  if (!audit.possible() || in.rows.empty()) return;
  const double each = frame_seconds(in, recipe, in.rows.front());
  const double bytes = file_bytes(in, audit, !options.no_color);
  const double host = host_bytes(in, audit, recipe, machine.host_used, several);
  const double rows = real(in.rows.size());
  SceneFileWork work(item, options, recipe);
  look_at_output(work, std::move(in), audit);
  if (audit.existing.state == OutputState::kComplete) return;
  // Written, read back, flushed: about so much a second on common disks.
  constexpr double kDiskRate = 300e6;
  audit.estimate.output_bytes = bytes;
  audit.estimate.host_bytes = host;
  audit.estimate.seconds =
      opening + rows * each / std::min<double>(recipe.threads, rows) + bytes / kDiskRate;
}

SceneAudit audit_one(const Item& item, const SceneFileOptions& options, const SceneRecipe& recipe,
                     const Machine& machine, bool several) {
  SceneAudit audit;
  audit.key = item.key;
  audit.input = item.path.string();
  audit.output = (fs::path(options.out) / (item.key + ".h5")).string();
  audit.findings.attempt("frames", audit.input,
                         [&] { look_at(item, options, recipe, machine, several, audit); });
  audit.findings.sort();
  return audit;
}

}  // namespace

Audit audit_scene_files(const std::vector<Item>& items, const SceneFileOptions& options,
                        const SceneRecipe& recipe) {
  Audit audit;
  audit.of_scenes = true;
  audit.title = "view " + std::string(name_of(recipe.view)) + ", " + recipe.switches();
  audit.alone = options.list.empty() && items.size() == 1;
  audit.machine = measure_host(recipe.threads, options.out);
  for (const Item& item : items) {
    check_stop();
    audit.scenes.push_back(audit_one(item, options, recipe, audit.machine, items.size() > 1));
  }
  audit.findings = run_findings(audit);
  return audit;
}

}  // namespace vega::extract
