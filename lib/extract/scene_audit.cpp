#include "extract/scene_audit.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <set>

#include "base/error.h"
#include "base/parallel.h"
#include "base/stop.h"
#include "core/device.h"
#include "extract/scene_work.h"
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

// What is not there, and need not be.
void tell_absent(const SceneInput& in, SceneAudit& audit) {
  const auto note = [&](const char* topic, const std::string& what) {
    audit.findings.add(Severity::kNote, topic, audit.input, what);
  };
  if (in.alignment == "none" && in.files.text.empty())
    note("alignment", "no NAME.txt: poses stay as they are");
  if (!in.files.has_annotation())
    note("objects", std::string("no ") +
                        (in.files.segments.empty() ? "segs.json" : "aggregation.json") +
                        ": no annotated objects");
  if (!in.proposals && audit.findings.count(Severity::kError) == 0)
    note("proposals", "none: no boxes, no masks, no annotation");
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
  constexpr double kFile = 12000, kRow = 450, kObject = 120, kFlatChunk = 1 << 20;
  const double rows = real(in.rows.size());
  const double depth = 2.0 * audit.pictures.depth.width * audit.pictures.depth.height;
  const double objects = real(count_of(in.gt) + count_of(in.proposals));
  const double cells = kCellGrid * kCellGrid, tokens = kTokenGrid * kTokenGrid;
  double pictures = color ? rows * audit.pictures.encoded_bytes : 0;
  if (pictures > kFlatChunk) pictures = std::ceil(pictures / kFlatChunk) * kFlatChunk;
  return kFile + rows * (depth + 16 * tokens + kRow) + pictures +
         objects * (rows * cells + kObject);
}

// Of the peak: what is kept for the second reading, cells, frames in work, the mesh.
double host_bytes(const SceneInput& in, const SceneAudit& audit, const SceneRecipe& recipe,
                  bool several) {
  const double rows = real(in.rows.size()), kept = 32 << 20, held = 8 << 20;
  const double frame =
      2.0 * audit.pictures.depth.width * audit.pictures.depth.height + audit.pictures.encoded_bytes;
  const double map = 16.0 * kCoordinateSide * kCoordinateSide;
  const double objects = real(count_of(in.gt) + count_of(in.proposals));
  const double cells = objects * rows * kCellGrid * kCellGrid;
  const double scene = std::min(kept, rows * frame) + std::min(held, cells) +
                       2 * recipe.threads * frame + recipe.threads * (frame + map) +
                       28 * real(in.mesh.size());
  const DeviceMemory host = device_memory(at::kCPU);
  return static_cast<double>(host.allocated) + scene * (several ? 2 : 1);
}

void look_at_output(SceneWork& work, SceneInput in, SceneAudit& audit) {
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

// A scene file needs every depth map, and all of one size.
void look_at_depth(const SceneInput& in, std::span<const std::size_t> selected,
                   const SceneRecipe& recipe, SceneAudit& audit) {
  std::vector<ImageSize> size(selected.size());
  std::vector<std::string> fault(selected.size());
  parallel_for(selected.size(), recipe.threads, [&](std::size_t i) {
    const FrameRef& frame = in.source.frames[selected[i]];
    if (!has_depth(in.source, frame)) return;
    try {
      size[i] = load_depth(in.source, frame).size();
    } catch (const InputError& error) {
      fault[i] = error.what();
    }
  });
  std::vector<std::int64_t> missing, broken, other;
  std::string first;
  for (std::size_t i = 0; i < selected.size(); ++i) {
    const std::int64_t id = in.source.frames[selected[i]].id;
    if (!fault[i].empty()) {
      if (broken.empty()) first = fault[i];
      broken.push_back(id);
    } else if (size[i].width == 0) {
      missing.push_back(id);
    } else if (!(size[i] == audit.pictures.depth)) {
      other.push_back(id);
    }
  }
  const auto tell = [&](const std::vector<std::int64_t>& ids, const std::string& what) {
    if (!ids.empty())
      audit.findings.add(Severity::kError, "depth", audit.input, what,
                         "choose other frames: --select list:FILE", ids);
  };
  tell(missing, "no depth map");
  tell(broken, first);
  tell(other, "depth maps that are not " + to_string(audit.pictures.depth));
}

void look_at_frames(const SceneInput& in, const SceneRecipe& recipe, SceneAudit& audit) {
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
  options.label = audit.key;
  audit.pictures = audit_pictures(in.source, selected, options, audit.findings);
  audit_cameras(in.source, audit.pictures.color, audit.pictures.depth, audit.findings);
  look_at_depth(in, selected, recipe, audit);
}

// A scene that has a source.
void look_at(SceneSource source, const Item& item, const SceneFileOptions& options,
             const SceneRecipe& recipe, bool several, SceneAudit& audit) {
  const auto start = Clock::now();
  audit.candidates = std::ssize(source.frames);
  std::vector<SceneFault> faults;
  SceneInput in =
      look_at_scene(std::move(source), path_of(item, options), item, options, recipe, faults);
  const double opening = since(start);
  for (const SceneFault& fault : faults)
    audit.findings.add(Severity::kError, fault.topic, audit.input, fault.what);
  for (const std::string& warning : in.warnings)
    audit.findings.add(Severity::kWarning, "objects", audit.input, warning);
  audit.scan = scan_audit(in);
  tell_absent(in, audit);
  look_at_frames(in, recipe, audit);
  if (!audit.possible() || in.rows.empty()) return;
  const double each = frame_seconds(in, recipe, in.rows.front());
  const double bytes = file_bytes(in, audit, !options.no_color);
  const double host = host_bytes(in, audit, recipe, several);
  const double rows = real(in.rows.size());
  SceneWork work(item, options, recipe);
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
                     bool several) {
  SceneAudit audit;
  audit.key = item.key;
  audit.input = item.path.string();
  audit.output = (fs::path(options.out) / (item.key + ".h5")).string();
  try {
    const fs::path path = path_of(item, options);
    audit.input = path.string();
    SourceAudit opened = audit_source(path, recipe.source, audit.findings);
    audit.dialect = opened.dialect;
    audit.found = opened.found;
    if (opened.source) look_at(std::move(*opened.source), item, options, recipe, several, audit);
  } catch (const InputError& error) {
    audit.findings.add(Severity::kError, "frames", audit.input, error.what());
  }
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
  audit.machine.device = device_name(at::kCPU);
  audit.machine.workers = recipe.threads;
  const DeviceMemory host = device_memory(at::kCPU);
  audit.machine.host_free = static_cast<double>(host.free);
  audit.machine.disk_free = free_space(options.out);
  for (const Item& item : items) {
    check_stop();
    audit.scenes.push_back(audit_one(item, options, recipe, items.size() > 1));
  }
  const double need = add_up(audit).estimate.output_bytes, have = audit.machine.disk_free;
  if (need > have)
    audit.findings.add(Severity::kWarning, "disk", "",
                       "about " + std::to_string(std::llround(need / 1e9)) + " GB needed, " +
                           std::to_string(std::llround(have / 1e9)) + " GB free here",
                       "another -o, or --no-color");
  return audit;
}

}  // namespace vega::extract
