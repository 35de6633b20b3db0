#include "extract/scene_input.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "base/error.h"
#include "base/parallel.h"
#include "base/stop.h"
#include "scan/frame_list.h"
#include "scan/mesh.h"
#include "scan/objects.h"
#include "scan/scan_text.h"
#include "scene/frame.h"
#include "scene/root.h"

namespace vega::extract {
namespace fs = std::filesystem;
namespace {

// Frames, alignment and intrinsics of a list in EmbodiedScan's form.
void apply_frame_list(const std::string& file, const Item& item, SceneInput& in) {
  auto list = scan::read_frame_list(file, in.source.scan);
  if (!list) list = scan::read_frame_list(file, item.key);
  if (!list)
    throw InputError(
        explain(file, "no scene " + in.source.scan, "an item whose sample_idx ends in it"));
  const auto places = select_ids(in.source, list->ids, file);
  std::vector<FrameRef> frames;
  for (const std::size_t place : places) frames.push_back(in.source.frames[place]);
  in.source.frames = std::move(frames);
  in.axis_align = list->axis_align;
  in.alignment = "frame list";
  const auto& m = list->depth_intrinsics;
  in.source.K_depth = Intrinsics{m[0], m[1], m[2], m[4], m[5], m[6], m[8], m[9], m[10]};
}

constexpr const char* kAlignmentNeed = "features do not need it; object boxes of ScanNet do";

// Scans without annotation (the test scans of ScanNet) have no alignment; others do.
void add_unaligned(const scan::ScanFiles& files, const std::string& where, const std::string& what,
                   Findings& findings) {
  if (files.has_annotation())
    findings.add(Severity::kWarning, "alignment", where,
                 what + ": poses and object boxes stay unaligned",
                 "copy NAME.txt of the scan again, with its line axisAlignment");
  else
    findings.add(Severity::kNote, "alignment", where, what + ": poses stay as they are",
                 kAlignmentNeed);
}

void check_scan_text(const scan::ScanText& text, const scan::ScanFiles& files,
                     const SceneSource& source, Findings& findings) {
  const std::string where = files.text.string();
  if (!text.has_axis_align) add_unaligned(files, where, "no line axisAlignment", findings);
  if (source.dialect == "sens" && text.color_frames.value_or(source.found) != source.found)
    findings.add(Severity::kWarning, "frames", where,
                 "numColorFrames is " + std::to_string(*text.color_frames) + ", the scan has " +
                     std::to_string(source.found),
                 "is the .sens of this scan whole?");
}

void align(SceneInput& in, Findings& findings) {
  if (in.files.text.empty()) {
    add_unaligned(in.files, in.source.root.string(), "no " + in.source.scan + ".txt", findings);
    return;
  }
  const auto text = scan::read_scan_text(in.files.text);
  check_scan_text(text, in.files, in.source, findings);
  in.axis_align = text.axis_align;
  if (text.has_axis_align) in.alignment = "text";
}

void read_mesh(SceneInput& in, const std::string& what) {
  if (!in.mesh.empty()) return;
  if (in.files.mesh.empty())
    throw InputError(explain(in.source.root.string(), "no " + in.source.scan + "_vh_clean_2.ply",
                             "the mesh of the scan, for " + what));
  in.mesh = scan::align_points_f32(scan::read_ply(in.files.mesh).vertices, in.axis_align);
}

// Frames that see most of the mesh; without one, of all that the candidates see.
void choose_by_coverage(const Item& item, const SceneRecipe& recipe, const Candidates& candidates,
                        SceneInput& in) {
  const auto allowed = select_frames(in.source, candidates, parse_selection("stride:1"));
  const auto places = coverage_candidates(allowed.size());
  std::vector<std::vector<Voxel>> seen(places.size());
  parallel_for(places.size(), recipe.threads, [&](std::size_t i) {
    const FrameRef& frame = in.source.frames[allowed[places[i]]];
    if (!frame.world_from_cam)
      throw InputError(explain(where(in.source, frame), "no pose", "a pose a frame"));
    const ImageU16 depth = load_depth(in.source, frame);
    seen[i] = voxels_of(
        unproject(depth, *in.source.K_depth, multiply(in.axis_align, *frame.world_from_cam),
                  every_pixel(depth.size())),
        recipe.zero);
  });
  std::vector<Voxel> scene;
  if (!in.files.mesh.empty()) {
    read_mesh(in, "--select mc");
    std::vector<float> flat;
    for (const auto& point : in.mesh) flat.insert(flat.end(), point.begin(), point.end());
    scene = voxels_of(flat);
  } else {
    for (const auto& frame : seen) scene.insert(scene.end(), frame.begin(), frame.end());
    std::sort(scene.begin(), scene.end());
    scene.erase(std::unique(scene.begin(), scene.end()), scene.end());
  }
  in.coverage = max_coverage(seen, scene, 32, static_cast<std::uint64_t>(recipe.seed), item.key);
  const auto picks = picks_for_ratio(*in.coverage, recipe.select.ratio);
  for (std::size_t i = 0; i < picks; ++i) in.rows.push_back(allowed[places[in.coverage->picks[i]]]);
  std::sort(in.rows.begin(), in.rows.end(), [&](std::size_t a, std::size_t b) {
    return in.source.frames[a].id < in.source.frames[b].id;
  });
}

void choose_rows(const Item& item, const SceneRecipe& recipe, SceneInput& in) {
  std::optional<Candidates> candidates = recipe.candidates;
  if (!candidates && !recipe.frame_list.empty()) candidates = Candidates{};
  if (recipe.select.coverage)
    return choose_by_coverage(item, recipe, candidates.value_or(usual_candidates(in.source)), in);
  in.rows = selected_rows(in.source, item.key, candidates, recipe.select.frames);
}

Box box_of(const scan::Box& box) {
  Box out{};
  for (std::size_t k = 0; k < 6; ++k) out[k] = static_cast<float>(box[k]);
  return out;
}

std::string gap_text(const std::vector<std::int32_t>& ids) {
  std::int32_t missing = 0;
  while (std::binary_search(ids.begin(), ids.end(), missing)) ++missing;
  return std::to_string(ids.size()) +
         " object ids are not 0 to n-1 without gaps (the first gap: " + std::to_string(missing) +
         ")";
}

// Adds a warning about the objects.
void warn(const SceneInput& in, const std::string& what, Findings& findings) {
  findings.add(Severity::kWarning, "objects", in.source.root.string(), what);
}

void read_gt(const SceneRecipe& recipe, SceneInput& in, Findings& findings) {
  read_mesh(in, "the annotated objects");
  const std::string table = recipe.labels.empty() ? in.files.labels.string() : recipe.labels;
  const scan::LabelMap labels = table.empty() ? scan::LabelMap() : scan::LabelMap(table);
  if (table.empty()) warn(in, "no label table (--labels): nyu40 is 0 throughout", findings);
  const auto list = scan::read_objects(in.files, in.mesh, labels);
  SceneObjects gt;
  gt.source = "annotation";
  for (const auto& object : list.objects) {
    gt.id.push_back(object.id);
    gt.label.push_back(object.label);
    gt.nyu40.push_back(object.nyu40);
    gt.score.push_back(1.0F);
    gt.box.push_back(box_of(object.box));
  }
  in.dense_ids = list.dense;
  if (!list.dense)
    warn(in, gap_text(gt.id) + " (the release's box files leave such a scene out)", findings);
  if (!list.vanished.empty())
    warn(in,
         std::to_string(list.vanished.size()) + " annotated objects own no vertex (the first: id " +
             std::to_string(list.vanished.front()) + "), later ones took them all",
         findings);
  in.gt = std::move(gt);
}

SceneObjects nameless(std::vector<std::int32_t> ids, const std::vector<scan::Box>& boxes,
                      const std::string& source) {
  SceneObjects out;
  out.source = source;
  out.id = std::move(ids);
  for (const auto& box : boxes) out.box.push_back(box_of(box));
  out.label.resize(boxes.size());
  out.nyu40.resize(boxes.size(), 0);
  out.score.resize(boxes.size(), std::numeric_limits<float>::quiet_NaN());
  return out;
}

SceneObjects from_boxes(const SceneRecipe& recipe, const Item& item, const SceneInput& in) {
  auto boxes = scan::read_box_json(recipe.boxes, in.source.scan);
  if (!boxes) boxes = scan::read_box_json(recipe.boxes, item.key);
  if (!boxes)
    throw InputError(
        explain(recipe.boxes, "no scene " + in.source.scan, "boxes of scannet/" + in.source.scan));
  std::vector<std::int32_t> ids(boxes->size());
  for (std::size_t n = 0; n < ids.size(); ++n) ids[n] = static_cast<std::int32_t>(n);
  return nameless(std::move(ids), *boxes, "boxes");
}

fs::path mask_file(const SceneRecipe& recipe, const SceneInput& in) {
  if (recipe.masks.empty()) return in.files.masks;
  std::error_code code;
  const fs::path given(recipe.masks);
  return fs::is_directory(given, code) ? given / (in.source.scan + ".mask.npz") : given;
}

SceneObjects from_masks(const fs::path& file, const SceneRecipe& recipe, SceneInput& in,
                        Findings& findings) {
  if (file.empty())
    throw InputError(explain(in.source.root.string(), "no " + in.source.scan + ".mask.npz",
                             "instance masks", "name them with --masks"));
  read_mesh(in, "instance masks");
  const auto found =
      scan::mask_boxes(scan::read_masks(file, in.mesh.size()), in.mesh, recipe.empty_mask);
  if (!found.empty.empty())
    warn(in,
         std::to_string(found.empty.size()) + " masks without vertices (the first: row " +
             std::to_string(found.empty.front()) + "); " + std::to_string(found.boxes.size()) +
             " proposals",
         findings);
  return nameless(found.rows, found.boxes, "masks");
}

void read_proposals(const Item& item, const SceneRecipe& recipe, SceneInput& in,
                    Findings& findings) {
  ProposalKind kind = recipe.proposals;
  const fs::path masks = mask_file(recipe, in);
  if (kind == ProposalKind::kAuto) {
    kind = !recipe.boxes.empty() ? ProposalKind::kBoxes
           : !masks.empty()      ? ProposalKind::kMasks
           : in.gt               ? ProposalKind::kGt
                                 : ProposalKind::kNone;
  }
  if (recipe.proposals == ProposalKind::kAuto && kind == ProposalKind::kNone)
    findings.add(Severity::kNote, "proposals", in.source.root.string(),
                 "no proposals: no boxes, no masks, no annotation");
  if (recipe.proposals == ProposalKind::kAuto && kind == ProposalKind::kGt)
    findings.add(Severity::kNote, "proposals", in.source.root.string(),
                 "no boxes, no masks: the annotated objects are the proposals, and one of them is "
                 "the answer to a question of grounding",
                 "--boxes or --masks for an evaluation; --proposals gt says that it is meant");
  if (kind == ProposalKind::kBoxes) in.proposals = from_boxes(recipe, item, in);
  if (kind == ProposalKind::kMasks) in.proposals = from_masks(masks, recipe, in, findings);
  if (kind != ProposalKind::kGt) return;
  if (!in.gt)
    throw InputError(explain(in.source.root.string(), "no annotation of " + in.source.scan,
                             "segs.json and aggregation.json, for --proposals gt"));
  if (!in.dense_ids && recipe.id_gaps == IdGaps::kDrop)
    throw InputError(explain(in.files.aggregation.string(), gap_text(in.gt->id),
                             "ids without gaps: the release leaves such a scene out",
                             "--id-gaps keep makes it all the same"));
  in.proposals = in.gt;
}

void check_geometry(const SceneInput& in) {
  if (const double shift = in.source.depth_shift;
      in.source.shifted && (!(shift > 0) || !std::isfinite(shift)))
    throw FormatError(explain(in.source.root.string(), "depth shift " + std::to_string(shift),
                              "a positive number",
                              "--depth-shift ignore takes depth values as millimetres"));
  if (!in.source.K_depth)
    throw InputError(explain(in.source.root.string(), "no intrinsics of the depth camera",
                             "depth_intrinsic.txt, camera-intrinsics.txt or a .sens"));
  const auto lacking = std::find_if(in.source.frames.begin(), in.source.frames.end(),
                                    [](const FrameRef& f) { return !f.world_from_cam; });
  if (lacking != in.source.frames.end())
    throw InputError(explain(where(in.source, *lacking), "no pose", "a pose a frame",
                             "scenes are made of posed depth frames"));
}

// The numbers of a text file that was printed with %f.
void print_poses(SceneSource& source) {
  const auto print = [](auto& values) {
    for (double& value : values) {
      char text[400];  // %f of the largest double takes 317
      std::snprintf(text, sizeof text, "%f", value);
      value = std::strtod(text, nullptr);
    }
  };
  for (FrameRef& frame : source.frames) {
    if (frame.world_from_cam) print(*frame.world_from_cam);
  }
  if (source.K_color) print(*source.K_color);
  if (source.K_depth) print(*source.K_depth);
}

}  // namespace

std::vector<std::size_t> selected_rows(const SceneSource& source, const std::string& key,
                                       const std::optional<Candidates>& candidates,
                                       const Selection& selection) {
  if (selection.kind != SelectKind::kFrames)
    return select_frames(source, candidates.value_or(usual_candidates(source)), selection);
  const fs::path path = selection.path / (key + ".h5");
  if (!fs::exists(path))
    throw InputError(explain("--select " + selection.text, "no " + path.string(),
                             "a vega file of this scene's key"));
  return select_ids(source, read_frame_ids(path), path.string());
}

scan::ScanFiles scan_files(const SceneSource& source) {
  std::error_code code;
  const fs::path whole = fs::absolute(source.root).lexically_normal();
  const fs::path own = whole.has_filename() ? whole : whole.parent_path();
  std::vector<fs::path> folders{fs::is_regular_file(own, code) ? own.parent_path() : own};
  if (own.parent_path().filename() == "posed_images") {
    const fs::path tree = own.parent_path().parent_path();
    folders.push_back(tree / "scans" / source.scan);
    folders.push_back(tree / "scans_test" / source.scan);
  }
  for (const fs::path& folder : folders) {
    if (!fs::is_directory(folder, code)) continue;
    scan::ScanFiles files = scan::find_scan_files(folder, source.scan);
    if (!files.text.empty() || !files.mesh.empty()) return files;
  }
  return {};
}

void check_alignment(const SceneSource& source, Findings& findings) {
  const scan::ScanFiles files = scan_files(source);
  const fs::path& path = files.text;
  try {
    if (!path.empty())
      check_scan_text(scan::read_scan_text(path), files, source, findings);
    else if (source.dialect == "sens" || files.has_annotation())
      add_unaligned(files, source.root.string(), "no " + source.scan + ".txt", findings);
  } catch (const InputError& error) {
    findings.add(Severity::kWarning, "alignment", path.string(), error.what(), kAlignmentNeed);
  }
}

SceneInput open_scene(const Item& item, const SceneRecipe& recipe, Findings& findings) {
  SceneInput in;
  in.source.root = item.path;
  findings.attempt("frames", item.path.string(), [&] {
    in.source.root = find_scene(recipe.root, item.path);
    in.source = open_source(in.source.root, recipe.source, findings);
  });
  if (in.source.frames.empty()) return in;
  // A later step can fail for the same reason, such as a mesh that cannot be read: it is said once.
  std::string said;
  const auto step = [&](const char* topic, const auto& part) {
    try {
      part();
    } catch (const InputError& error) {
      if (!findings.collects()) throw;
      if (said != error.what())
        findings.add(Severity::kError, topic, in.source.root.string(), error.what());
      said = error.what();
    }
  };
  if (in.source.dialect == "sens" && recipe.poses == PoseMode::kPrinted) print_poses(in.source);
  in.files = scan_files(in.source);
  in.axis_align = scan::kIdentity4;
  in.alignment = "none";
  step("alignment", [&] { align(in, findings); });
  step("frames", [&] {
    if (!recipe.frame_list.empty()) apply_frame_list(recipe.frame_list, item, in);
    check_geometry(in);
    check_stop();
    choose_rows(item, recipe, in);
  });
  check_stop();
  if (in.files.has_annotation()) {
    step("mesh", [&] { read_mesh(in, "the annotated objects"); });
    if (!in.mesh.empty()) step("objects", [&] { read_gt(recipe, in, findings); });
  } else {
    findings.add(Severity::kNote, "objects", in.source.root.string(),
                 std::string("no ") +
                     (in.files.segments.empty() ? "segs.json" : "aggregation.json") +
                     ": no annotated objects");
  }
  step("proposals", [&] { read_proposals(item, recipe, in, findings); });
  return in;
}

}  // namespace vega::extract
