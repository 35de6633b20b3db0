#include "extract/scene_input.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "base/error.h"
#include "base/log.h"
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

// The folder with mesh and annotation: that of a .sens, the scene's own, or scans/NAME beside
// posed_images/NAME.
scan::ScanFiles scan_files(const fs::path& path, const std::string& name) {
  std::error_code code;
  const fs::path whole = fs::absolute(path).lexically_normal();
  const fs::path own =
      fs::is_regular_file(whole, code) || whole.has_filename() ? whole : whole.parent_path();
  std::vector<fs::path> folders;
  if (fs::is_regular_file(own, code)) {
    folders.push_back(own.parent_path());
  } else {
    folders.push_back(own);
    if (own.parent_path().filename() == "posed_images") {
      const fs::path tree = own.parent_path().parent_path();
      folders.push_back(tree / "scans" / name);
      folders.push_back(tree / "scans_test" / name);
    }
  }
  for (const fs::path& folder : folders) {
    if (!fs::is_directory(folder, code)) continue;
    scan::ScanFiles files = scan::find_scan_files(folder, name);
    if (!files.text.empty() || !files.mesh.empty()) return files;
  }
  return {};
}

std::string scan_name(const fs::path& path) {
  const fs::path whole = fs::absolute(path).lexically_normal();
  const fs::path own = whole.has_filename() ? whole : whole.parent_path();
  std::error_code code;
  return (fs::is_regular_file(own, code) ? own.stem() : own.filename()).string();
}

// Frames, alignment and intrinsics of a list in EmbodiedScan's form.
void apply_frame_list(const std::string& file, const Item& item, SceneInput& in) {
  auto list = scan::read_frame_list(file, in.name);
  if (!list) list = scan::read_frame_list(file, item.key);
  if (!list)
    throw InputError(explain(file, "no scene " + in.name, "an item whose sample_idx ends in it"));
  const auto places = select_ids(in.source, list->ids, file);
  std::vector<FrameRef> frames;
  for (const std::size_t place : places) frames.push_back(in.source.frames[place]);
  in.source.frames = std::move(frames);
  in.axis_align = list->axis_align;
  in.alignment = "frame list";
  const auto& m = list->depth_intrinsics;
  in.source.K_depth = Intrinsics{m[0], m[1], m[2], m[4], m[5], m[6], m[8], m[9], m[10]};
}

void align(SceneInput& in) {
  if (in.files.text.empty()) return;
  const auto text = scan::read_scan_text(in.files.text);
  in.axis_align = text.axis_align;
  if (text.has_axis_align) in.alignment = "text";
}

void read_mesh(SceneInput& in, const std::string& what) {
  if (!in.mesh.empty()) return;
  if (in.files.mesh.empty())
    throw InputError(explain(in.source.root.string(), "no " + in.name + "_vh_clean_2.ply",
                             "the mesh of the scan, for " + what));
  in.mesh = scan::align_points_f32(scan::read_ply(in.files.mesh).vertices, in.axis_align);
}

// Frames that see most of the mesh; without one, of all that the candidates see.
void choose_by_coverage(const Item& item, const SceneFileOptions& options,
                        const SceneRecipe& recipe, const Candidates& candidates, SceneInput& in) {
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
  in.coverage = max_coverage(seen, scene, 32, static_cast<std::uint64_t>(options.seed), item.key);
  const auto picks = picks_for_ratio(*in.coverage, recipe.ratio);
  for (std::size_t i = 0; i < picks; ++i) in.rows.push_back(allowed[places[in.coverage->picks[i]]]);
  std::sort(in.rows.begin(), in.rows.end(), [&](std::size_t a, std::size_t b) {
    return in.source.frames[a].id < in.source.frames[b].id;
  });
}

void choose_rows(const Item& item, const SceneFileOptions& options, const SceneRecipe& recipe,
                 SceneInput& in) {
  const bool sens = in.source.dialect == "sens" && options.frame_list.empty();
  const Candidates& candidates = sens ? recipe.sens_candidates : recipe.folder_candidates;
  if (recipe.coverage) return choose_by_coverage(item, options, recipe, candidates, in);
  if (recipe.selection.kind == SelectKind::kFrames) {
    const auto path = recipe.selection.path / (item.key + ".h5");
    if (!fs::exists(path))
      throw InputError(explain("--select " + recipe.selection.text, "no " + path.string(),
                               "a vega file of this scene's key"));
    in.rows = select_ids(in.source, read_frame_ids(path), path.string());
    return;
  }
  in.rows = select_frames(in.source, candidates, recipe.selection);
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

void read_gt(const SceneFileOptions& options, SceneInput& in) {
  if (!in.files.has_annotation()) return;
  read_mesh(in, "the annotated objects");
  const std::string table = options.labels.empty() ? in.files.labels.string() : options.labels;
  const scan::LabelMap labels = table.empty() ? scan::LabelMap() : scan::LabelMap(table);
  if (table.empty()) in.warnings.push_back("no label table (--labels): nyu40 is 0 throughout");
  const auto segments = scan::read_segments(in.files.segments, in.mesh.size());
  const auto groups = scan::read_aggregation(in.files.aggregation);
  const auto list =
      scan::ground_truth_objects(in.mesh, scan::instance_ids(segments, groups), groups, labels);
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
    in.warnings.push_back(gap_text(gt.id) + " (the release's box files leave such a scene out)");
  if (!list.vanished.empty())
    in.warnings.push_back(std::to_string(list.vanished.size()) +
                          " annotated objects own no vertex (the first: id " +
                          std::to_string(list.vanished.front()) + "), later ones took them all");
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

SceneObjects from_boxes(const SceneFileOptions& options, const Item& item, const SceneInput& in) {
  if (options.boxes.empty())
    throw UsageError(explain("--proposals boxes", "no --boxes", "a box list"));
  auto boxes = scan::read_box_json(options.boxes, in.name);
  if (!boxes) boxes = scan::read_box_json(options.boxes, item.key);
  if (!boxes)
    throw InputError(explain(options.boxes, "no scene " + in.name, "boxes of scannet/" + in.name));
  std::vector<std::int32_t> ids(boxes->size());
  for (std::size_t n = 0; n < ids.size(); ++n) ids[n] = static_cast<std::int32_t>(n);
  return nameless(std::move(ids), *boxes, "boxes");
}

fs::path mask_file(const SceneFileOptions& options, const SceneInput& in) {
  if (options.masks.empty()) return in.files.masks;
  std::error_code code;
  const fs::path given(options.masks);
  return fs::is_directory(given, code) ? given / (in.name + ".mask.npz") : given;
}

SceneObjects from_masks(const fs::path& file, const SceneRecipe& recipe, SceneInput& in) {
  if (file.empty())
    throw InputError(explain(in.source.root.string(), "no " + in.name + ".mask.npz",
                             "instance masks", "name them with --masks"));
  read_mesh(in, "instance masks");
  const auto found =
      scan::mask_boxes(scan::read_masks(file, in.mesh.size()), in.mesh, recipe.empty_mask);
  if (!found.empty.empty())
    in.warnings.push_back(std::to_string(found.empty.size()) +
                          " masks without vertices (the first: row " +
                          std::to_string(found.empty.front()) + "); " +
                          std::to_string(found.boxes.size()) + " proposals");
  return nameless(found.rows, found.boxes, "masks");
}

void read_proposals(const Item& item, const SceneFileOptions& options, const SceneRecipe& recipe,
                    SceneInput& in) {
  ProposalKind kind = recipe.proposals;
  const fs::path masks = mask_file(options, in);
  if (kind == ProposalKind::kAuto) {
    kind = !options.boxes.empty() ? ProposalKind::kBoxes
           : !masks.empty()       ? ProposalKind::kMasks
           : in.gt                ? ProposalKind::kGt
                                  : ProposalKind::kNone;
  }
  if (kind == ProposalKind::kBoxes) in.proposals = from_boxes(options, item, in);
  if (kind == ProposalKind::kMasks) in.proposals = from_masks(masks, recipe, in);
  if (kind != ProposalKind::kGt) return;
  if (!in.gt)
    throw InputError(explain(in.source.root.string(), "no annotation of " + in.name,
                             "segs.json and aggregation.json, for --proposals gt"));
  if (!in.dense_ids && recipe.id_gaps == IdGaps::kDrop)
    throw InputError(explain(in.files.aggregation.string(), gap_text(in.gt->id),
                             "ids without gaps: the release leaves such a scene out",
                             "--id-gaps keep makes it all the same"));
  in.proposals = in.gt;
}

void check_geometry(const SceneInput& in) {
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

// All of a scene behind its source. `step` runs one part, and may survive its fault.
template <typename Step>
void fill(SceneInput& in, const fs::path& path, const Item& item, const SceneFileOptions& options,
          const SceneRecipe& recipe, const Step& step) {
  if (in.source.dialect == "sens" && recipe.printed_poses) print_poses(in.source);
  in.name = scan_name(path);
  in.files = scan_files(path, in.name);
  in.axis_align = scan::kIdentity4;
  in.alignment = "none";
  step("alignment", [&] { align(in); });
  step("frames", [&] {
    if (!options.frame_list.empty()) apply_frame_list(options.frame_list, item, in);
    check_geometry(in);
    check_stop();
    choose_rows(item, options, recipe, in);
  });
  check_stop();
  if (in.files.has_annotation()) {
    step("mesh", [&] { read_mesh(in, "the annotated objects"); });
    if (!in.mesh.empty()) step("objects", [&] { read_gt(options, in); });
  }
  step("proposals", [&] { read_proposals(item, options, recipe, in); });
}

}  // namespace

fs::path path_of(const Item& item, const SceneFileOptions& options) {
  return options.root.empty() ? item.path : find_scene(options.root, item.path.string());
}

SceneInput open_scene(const Item& item, const SceneFileOptions& options,
                      const SceneRecipe& recipe) {
  const fs::path path = path_of(item, options);
  SceneInput in;
  in.source = open_source(path, recipe.source);
  if (in.source.dropped_nonfinite_poses > 0)
    log_warn("{}: {} frames without a finite pose dropped", item.key,
             in.source.dropped_nonfinite_poses);
  if (in.source.depth_shift != 1000 && !recipe.source.depth_shift)
    log_warn(
        "{}: depth shift {:g} in the header instead of 1000: depth values are taken as "
        "millimetres, "
        "as in the release; --depth-shift apply makes them millimetres",
        item.key, in.source.depth_shift);
  fill(in, path, item, options, recipe, [](const char*, const auto& part) { part(); });
  for (const std::string& warning : in.warnings) log_warn("{}: {}", in.name, warning);
  return in;
}

SceneInput look_at_scene(SceneSource source, const fs::path& path, const Item& item,
                         const SceneFileOptions& options, const SceneRecipe& recipe,
                         std::vector<SceneFault>& faults) {
  SceneInput in;
  in.source = std::move(source);
  fill(in, path, item, options, recipe, [&](const char* topic, const auto& part) {
    try {
      part();
    } catch (const InputError& error) {
      // Proposals that need what failed before say nothing new.
      const bool told = !faults.empty() && faults.back().what == error.what();
      if (!told) faults.push_back({topic, error.what()});
    }
  });
  return in;
}

}  // namespace vega::extract
