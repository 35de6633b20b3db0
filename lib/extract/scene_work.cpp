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
    "choose other frames (vega-extract --select list:FILE), or leave such frames out: "
    "--on-decode-error skip";

// What the header of an encoded picture tells. Throws FormatError.
void note_picture(std::span<const std::byte> bytes, const std::string& where, FrameSeen& seen) {
  seen.color = image_size(bytes, where);
  seen.turned = exif_orientation(bytes) != Orientation::kUpright;
}

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

// Reads and decodes every chosen frame.
void SceneFileWork::look_at_frames() {
  const std::set<std::size_t> distinct(in_.rows.begin(), in_.rows.end());
  const std::vector<std::size_t> used(distinct.begin(), distinct.end());
  seen_ = unseen_frames(in_.source, used);
  decode_pictures(in_.source, used, recipe_.threads, seen_);
  measure_depths(in_.source, used, recipe_.threads, seen_);
  checked_ = true;
}

// The encoded bytes go into the file as they are, so that only decoding finds a fault in them.
// Pictures that were decoded before (dry run, skipping) or encoded anew are whole.
void SceneFileWork::check_picture(std::size_t row, const SceneRow& data) const {
  const bool anew = in_.source.dialect == "sens" && recipe_.source.jpeg == JpegMode::kReencoded;
  if (!checked_ && !anew) decode_color(in_.source, in_.source.frames[in_.rows[row]], data.picture);
}

void SceneFileWork::drop_rows(const std::vector<std::size_t>& lost) {
  std::erase_if(in_.rows, [&](std::size_t place) {
    return std::binary_search(lost.begin(), lost.end(), place);
  });
  left_out_ = std::ssize(lost);
}

void SceneFileWork::add_row(std::size_t row, const SceneRow& data) {
  SceneFrames& f = scene_.frames;
  FrameSeen& seen = seen_[in_.rows[row]];
  const FrameRef& frame = in_.source.frames[in_.rows[row]];
  note_picture(data.picture, where(in_.source, frame), seen);
  seen.depth = measure_depth(data.depth);
  Intrinsics unknown{};
  unknown.fill(std::numeric_limits<double>::quiet_NaN());
  f.id.push_back(frame.id);
  f.time_s.push_back(frame.time_s);
  f.world_from_cam.push_back(multiply(in_.axis_align, *frame.world_from_cam));
  f.K_color.push_back(in_.source.K_color.value_or(unknown));
  f.K_depth.push_back(*in_.source.K_depth);
  f.size_color.push_back({seen.color.height, seen.color.width});
  if (recipe_.color) picture_bytes_.push_back(data.picture.size());
}

std::string SceneFileWork::key_options() const {
  Json json{{"view", name_of(recipe_.view)},
            {"geometry", name_of(recipe_.geometry)},
            {"zero_depth", name_of(recipe_.zero)},
            {"color", recipe_.color},
            {"proposals", in_.proposals ? in_.proposals->source : "none"}};
  // A .sens that is read as recorded gives the frames of a folder with the same files: equal keys.
  if (in_.source.dialect == "sens") {
    if (recipe_.source.jpeg == JpegMode::kReencoded) json.set("jpeg", "reencoded");
    if (recipe_.poses == PoseMode::kPrinted) json.set("poses", "printed");
  }
  if (recipe_.source.depth_shift && in_.source.depth_shift != 1000)
    json.set("depth_shift", "apply");
  if (in_.proposals && in_.proposals->source == "masks")
    json.set("empty_mask", name_in<scan::EmptyMask>(kEmptyMasks, recipe_.empty_mask));
  if (in_.proposals && in_.proposals->source == "annotation")
    json.set("id_gaps", name_in<IdGaps>(kIdGaps, recipe_.id_gaps));
  return json.sorted().dump();
}

// Reads all rows once: fills the tables and computes the fingerprint.
void SceneFileWork::describe_file() {
  InputFingerprint print;
  if (in_.source.K_color) print.add_text("K_color", bytes_of(*in_.source.K_color));
  print.add_text("K_depth", bytes_of(*in_.source.K_depth));
  print.add_text("axis_align", bytes_of(in_.axis_align));
  rows_.emplace(in_.source, in_.rows, recipe_.threads);
  if (seen_.empty()) seen_ = unseen_frames(in_.source, in_.rows);
  try {
    const auto check = [&](std::size_t row, SceneRow& data) { check_picture(row, data); };
    rows_->each(check, [&](std::size_t row, const SceneRow& data) {
      add_row(row, data);
      const FrameRef& frame = in_.source.frames[in_.rows[row]];
      print.add_frame(frame.id, data.picture, &*frame.world_from_cam);
      print.add_text("depth", xxh3_hex(std::as_bytes(std::span(data.depth.v))));
    });
  } catch (const InputError& error) {
    throw InputError(std::string(error.what()) + "; " + kLeaveOut);
  }
  if (!checked_) check_frames(in_.source, seen_, rule(), findings_);
  const ImageSize depth = summarize_frames(seen_).depth;
  scene_.frames.depth_height = depth.height;
  scene_.frames.depth_width = depth.width;
  if (in_.gt) print.add_text("gt", fingerprint_of(*in_.gt));
  if (in_.proposals) print.add_text("proposals", fingerprint_of(*in_.proposals));
  FileHeader& header = scene_.header;
  header.key = item_.key;
  header.seed = recipe_.seed;
  header.options_json = key_options();
  header.input_fp = print.hex();
  header.cache_key = cache_key(kSceneSchema, header.options_json, "", header.input_fp);
}

void SceneFileWork::prepare() {
  in_ = open_scene(item_, recipe_, findings_);
  if (rule().skip_broken) {
    look_at_frames();
    drop_rows(check_frames(in_.source, seen_, rule(), findings_));
  }
  describe_file();
  findings_.log(item_.key, in_.source.root.string());
  plan_ = decide(output_, kSceneSchema, scene_.header, recipe_.output.overwrite);
}

// Groups of objects whose cells fit in kCellBytes together. There is at least one; without objects
// it is empty.
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

void SceneFileWork::write_cells(const Groups& groups, const std::vector<std::uint8_t>& cells) {
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
  write_cells(all[0], cells);
  for (std::size_t batch = 1; batch < all.size(); ++batch) {
    cells.assign(room_for(all[batch]), 0);
    parallel_for(count, recipe_.threads, [&](std::size_t row) {
      ImageU16 depth(size.width, size.height);
      depth.v = writer_->depth(row);
      const PointMap map =
          unproject(depth, scene_.frames.K_depth[row], scene_.frames.world_from_cam[row], grid);
      count_cells(row, map, all[batch], cells);
    });
    write_cells(all[batch], cells);
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
       {"select", recipe_.select.text},
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
