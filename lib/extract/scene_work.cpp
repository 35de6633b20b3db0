#include "extract/scene_work.h"

#include <algorithm>
#include <limits>
#include <set>

#include "base/build_info.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/parallel.h"
#include "media/decode.h"
#include "media/exif.h"
#include "scene/frame.h"
#include "store/cache_key.h"

namespace vega::extract {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kCells = kCellGrid * kCellGrid;

constexpr const char* kLeaveOut =
    "choose other frames (--select list:FILE), or leave such frames out: --on-decode-error skip";

// The raw bytes of plain values, as text for a fingerprint.
template <typename T>
std::string bytes_of(const T& value) {
  return {reinterpret_cast<const char*>(value.data()), sizeof(value[0]) * value.size()};
}

std::string fingerprint_of(const SceneObjects& objects) {
  Hasher hash;
  hash.field(bytes_of(objects.id)).field(bytes_of(objects.nyu40)).field(bytes_of(objects.box));
  for (const auto& label : objects.label) hash.field(label);
  return hash.hex();
}

}  // namespace

// --on-decode-error skip: rows of frames that cannot be read leave, and so do those whose depth map
// has another size than most.
void SceneFileWork::leave_out_broken() {
  if (recipe_.source.on_decode_error != OnDecodeError::kSkip) return;
  const std::set<std::size_t> distinct(in_.rows.begin(), in_.rows.end());
  const std::vector<std::size_t> places(distinct.begin(), distinct.end());
  std::vector<ImageSize> size(places.size());
  std::vector<std::string> fault(places.size());
  parallel_for(places.size(), recipe_.threads, [&](std::size_t i) {
    const FrameRef& frame = in_.source.frames[places[i]];
    try {
      image_size(color_bytes(in_.source, frame), where(in_.source, frame));
      size[i] = load_depth(in_.source, frame).size();
    } catch (const InputError& error) {
      fault[i] = error.what();
    }
  });
  const ImageSize usual = usual_size(size);
  std::set<std::size_t> lost;
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (fault[i].empty() && size[i] == usual) continue;
    const FrameRef& frame = in_.source.frames[places[i]];
    if (fault[i].empty()) fault[i] = other_size(frame, size[i], usual);
    log_warn("{}: {}; left out", item_.key, fault[i]);
    lost.insert(places[i]);
  }
  if (lost.size() == places.size())
    throw FormatError(
        explain(in_.source.root.string(),
                "none of the " + std::to_string(places.size()) + " selected frames can be read"));
  std::erase_if(in_.rows, [&](std::size_t place) { return lost.contains(place); });
  left_out_ = std::ssize(lost);
}

std::string SceneFileWork::other_size(const FrameRef& frame, ImageSize size,
                                      ImageSize usual) const {
  return explain(where_depth(in_.source, frame), "a depth map of " + to_string(size),
                 to_string(usual) + ", as most of the scene's frames");
}

void SceneFileWork::add_row(std::size_t row, const SceneRow& data) {
  SceneFrames& f = scene_.frames;
  const std::size_t place = in_.rows[row];
  const FrameRef& frame = in_.source.frames[place];
  const ImageSize picture = image_size(data.picture, where(in_.source, frame));
  picture_size_[place] = picture;
  depth_seen_[place] = measure_depth(data.depth);
  Intrinsics unknown{};
  unknown.fill(std::numeric_limits<double>::quiet_NaN());
  f.id.push_back(frame.id);
  f.time_s.push_back(frame.time_s);
  f.world_from_cam.push_back(multiply(in_.axis_align, *frame.world_from_cam));
  f.K_color.push_back(in_.source.K_color.value_or(unknown));
  f.K_depth.push_back(*in_.source.K_depth);
  f.size_color.push_back({picture.height, picture.width});
  turned_ += exif_orientation(data.picture) == Orientation::kUpright ? 0 : 1;
  if (!options_.no_color) picture_bytes_.push_back(data.picture.size());
}

// What only pictures and depth maps tell. Throws InputError: depth maps of several sizes.
void SceneFileWork::check_rows() {
  std::vector<ImageSize> sizes;
  for (const DepthSeen& seen : depth_seen_) sizes.push_back(seen.size);
  const ImageSize usual = usual_size(sizes);
  for (std::size_t place = 0; place < sizes.size(); ++place) {
    if (sizes[place].width == 0 || sizes[place] == usual) continue;
    throw InputError(other_size(in_.source.frames[place], sizes[place], usual) + "; " + kLeaveOut);
  }
  scene_.frames.depth_height = usual.height;
  scene_.frames.depth_width = usual.width;
  check_sizes(in_.source, picture_size_, findings_);
  check_depths(in_.source, depth_seen_, findings_);
  check_cameras(in_.source, usual_size(picture_size_), usual, findings_);
}

std::string SceneFileWork::key_options() const {
  Json json{{"view", name_of(recipe_.view)},
            {"geometry", name_of(recipe_.geometry)},
            {"zero_depth", name_of(recipe_.zero)},
            {"color", !options_.no_color},
            {"proposals", in_.proposals ? in_.proposals->source : "none"}};
  // A stream read as recorded is a folder of the same files: equal keys.
  if (in_.source.dialect == "sens") {
    if (recipe_.source.jpeg == JpegMode::kReencoded) json.set("jpeg", "reencoded");
    if (recipe_.printed_poses) json.set("poses", "printed");
    if (recipe_.source.depth_shift && in_.source.depth_shift != 1000)
      json.set("depth_shift", "apply");
  }
  if (in_.proposals && in_.proposals->source == "masks")
    json.set("empty_mask", recipe_.empty_mask == scan::EmptyMask::kSkip ? "skip" : "truncate");
  if (in_.proposals && in_.proposals->source == "annotation")
    json.set("id_gaps", recipe_.id_gaps == IdGaps::kKeep ? "keep" : "drop");
  return json.sorted().dump();
}

// One reading of all rows: tables and fingerprint.
void SceneFileWork::describe_file() {
  InputFingerprint print;
  if (in_.source.K_color) print.add_text("K_color", bytes_of(*in_.source.K_color));
  print.add_text("K_depth", bytes_of(*in_.source.K_depth));
  print.add_text("axis_align", bytes_of(in_.axis_align));
  rows_.emplace(in_.source, in_.rows, recipe_.threads);
  picture_size_.assign(in_.source.frames.size(), {});
  depth_seen_.assign(in_.source.frames.size(), {});
  try {
    rows_->each({}, [&](std::size_t row, const SceneRow& data) {
      add_row(row, data);
      const FrameRef& frame = in_.source.frames[in_.rows[row]];
      print.add_frame(frame.id, data.picture, &*frame.world_from_cam);
      print.add_text("depth", xxh3_hex(std::as_bytes(std::span(data.depth.v))));
    });
  } catch (const InputError& error) {
    throw InputError(std::string(error.what()) + "; " + kLeaveOut);
  }
  check_rows();
  if (in_.gt) print.add_text("gt", fingerprint_of(*in_.gt));
  if (in_.proposals) print.add_text("proposals", fingerprint_of(*in_.proposals));
  FileHeader& header = scene_.header;
  header.key = item_.key;
  header.seed = options_.seed;
  header.options_json = key_options();
  header.input_fp = print.hex();
  header.cache_key = cache_key(kSceneSchema, header.options_json, "", header.input_fp);
}

void SceneFileWork::prepare() {
  in_ = open_scene(item_, options_, recipe_, findings_);
  leave_out_broken();
  describe_file();
  if (turned_ > 0)
    findings_.add(Severity::kWarning, "color", in_.source.root.string(),
                  std::to_string(turned_) + " of " + std::to_string(in_.rows.size()) +
                      " pictures have EXIF data that say to turn them",
                  "they are taken as stored, for which poses and intrinsics hold");
  findings_.log(item_.key, in_.source.root.string());
  plan_ = decide(output_, kSceneSchema, scene_.header, options_.overwrite);
}

Decision SceneFileWork::compare(SceneInput opened) {
  in_ = std::move(opened);
  std::error_code code;
  if (!fs::exists(output_, code)) return Decision::kCompute;
  if (options_.overwrite) return Decision::kOverwrite;
  describe_file();
  return decide(output_, kSceneSchema, scene_.header, false).decision;
}

// Objects in runs whose cells fit in kCellBytes; at least one, without objects an empty one.
std::vector<SceneFileWork::Groups> SceneFileWork::batches() const {
  const std::size_t most = std::max<std::size_t>(1, kCellBytes / (kCells * in_.rows.size()));
  std::vector<Groups> out(1);
  std::size_t held = 0;
  for (const auto kind : {ObjectKind::kGt, ObjectKind::kProposal}) {
    const std::size_t count = objects(kind).id.size();
    for (std::size_t first = 0; first < count;) {
      if (held == most) {
        out.emplace_back();
        held = 0;
      }
      const std::size_t taken = std::min(most - held, count - first);
      out.back().push_back({kind, first, taken, held});
      held += taken;
      first += taken;
    }
  }
  return out;
}

void SceneFileWork::count_cells(std::size_t row, const PointMap& map, const Groups& groups,
                                std::vector<std::uint8_t>& cells) const {
  for (const Group& group : groups) {
    const std::span boxes = std::span(objects(group.kind).box).subspan(group.first, group.count);
    const auto counts = box_counts(map, boxes, kPatch14, recipe_.geometry, recipe_.zero);
    for (std::size_t n = 0; n < group.count; ++n) {
      std::transform(counts.begin() + static_cast<std::ptrdiff_t>(n * kCells),
                     counts.begin() + static_cast<std::ptrdiff_t>((n + 1) * kCells),
                     &cells[((group.place + n) * in_.rows.size() + row) * kCells],
                     [](std::uint16_t pixels) { return static_cast<std::uint8_t>(pixels); });
    }
  }
}

void SceneFileWork::put_cells(const Groups& groups, const std::vector<std::uint8_t>& cells) {
  const std::size_t each = in_.rows.size() * kCells;
  for (const Group& group : groups) {
    for (std::size_t n = 0; n < group.count; ++n)
      writer_->put_cells(group.kind, std::span(cells).subspan((group.place + n) * each, each));
  }
}

// Coordinates of the patches, and cells of the objects.
void SceneFileWork::place_frame(std::size_t row, SceneRow& data, const DepthPixels& grid,
                                const Groups& groups, std::vector<std::uint8_t>& cells) const {
  const PointMap map =
      unproject(data.depth, scene_.frames.K_depth[row], scene_.frames.world_from_cam[row], grid);
  auto mean = average_patches(map, kPatch27, recipe_.geometry, recipe_.zero);
  data.world14 = std::move(mean.xyz);
  data.valid14 = std::move(mean.valid);
  count_cells(row, map, groups, cells);
}

// Frames go to the file with the first batch of objects; more objects than fit in memory at once
// are counted batch by batch, on the depth maps in the file.
void SceneFileWork::compute() {
  const std::size_t count = in_.rows.size();
  scene_.header.provenance = provenance();
  scene_.axis_align = in_.axis_align;
  scene_.patches.view = name_of(recipe_.view);
  scene_.has_gt = in_.gt.has_value();
  scene_.has_proposals = in_.proposals.has_value();
  if (in_.gt) scene_.gt = *in_.gt;
  if (in_.proposals) scene_.proposals = *in_.proposals;
  const ImageSize size{scene_.frames.depth_width, scene_.frames.depth_height};
  const auto grid = coordinate_grid(size, recipe_.coordinates());
  const auto all = batches();
  const auto room_for = [&](const Groups& groups) {
    return groups.empty() ? 0 : (groups.back().place + groups.back().count) * count * kCells;
  };
  std::vector<std::uint8_t> cells(room_for(all[0]));
  writer_.emplace(output_, scene_, picture_bytes_);
  rows_->each([&](std::size_t row, SceneRow& data) { place_frame(row, data, grid, all[0], cells); },
              [&](std::size_t, const SceneRow& data) {
                writer_->put_frame({data.depth.v, data.picture, data.world14, data.valid14});
              });
  rows_.reset();
  put_cells(all[0], cells);
  for (std::size_t batch = 1; batch < all.size(); ++batch) {
    cells.assign(room_for(all[batch]), 0);
    parallel_for(count, recipe_.threads, [&](std::size_t row) {
      ImageU16 depth(size.width, size.height);
      depth.v = writer_->depth(row);
      const PointMap map =
          unproject(depth, scene_.frames.K_depth[row], scene_.frames.world_from_cam[row], grid);
      count_cells(row, map, all[batch], cells);
    });
    put_cells(all[batch], cells);
  }
}

void SceneFileWork::finish() {
  writer_->finish({{"ended", utc_now()}});
  writer_.reset();
}

Provenance SceneFileWork::provenance() const {
  Provenance out = vega::provenance(
      {{"input", fs::absolute(in_.source.root).string()},
       {"dialect", in_.source.dialect},
       {"dropped_nonfinite_poses", std::to_string(in_.source.dropped_nonfinite_poses)},
       {"left_out_undecodable", std::to_string(left_out_)},
       {"alignment", in_.alignment},
       {"select", options_.select},
       {"switches", recipe_.switches()}});
  if (in_.gt) out["dense_object_ids"] = in_.dense_ids ? "1" : "0";
  if (in_.coverage) {
    out["coverage_voxels"] = std::to_string(in_.coverage->all);
    out["coverage_chosen"] = std::to_string(in_.coverage->chosen);
  }
  return out;
}

void SceneFileWork::describe(ItemReport& report) const {
  report.numbers["frames"] = static_cast<double>(in_.rows.size());
  report.numbers["dropped_nonfinite_poses"] =
      static_cast<double>(in_.source.dropped_nonfinite_poses);
  report.numbers["left_out_undecodable"] = static_cast<double>(left_out_);
  report.numbers["objects"] = in_.gt ? static_cast<double>(in_.gt->id.size()) : 0;
  report.numbers["proposals"] = in_.proposals ? static_cast<double>(in_.proposals->id.size()) : 0;
  report.notes["alignment"] = in_.alignment;
  report.outcome = complete() ? Outcome::kComplete : Outcome::kWritten;
  std::error_code code;
  if (const auto bytes = fs::file_size(output_, code); !complete() && !code)
    report.numbers["output_bytes"] = static_cast<double>(bytes);
}

}  // namespace vega::extract
