// The writing half of store/scene_file.h.
#include <algorithm>
#include <optional>

#include "base/error.h"
#include "base/hash.h"
#include "base/publish.h"
#include "store/scene_file.h"

namespace vega {
namespace fs = std::filesystem;
namespace {

constexpr std::int64_t kByteChunk = std::int64_t{1} << 20;  // of flat bytes, which have no frames
constexpr const char* kDepth = "/frames/depth";
constexpr const char* kColor = "/frames/color_jpeg";
constexpr const char* kWorld = "/patch/world14";
constexpr const char* kValid = "/patch/valid14";
constexpr std::size_t kTokens = kTokenGrid * kTokenGrid, kCells = kCellGrid * kCellGrid;

std::int64_t extent(std::size_t n) { return static_cast<std::int64_t>(n); }

std::string group_of(ObjectKind kind) {
  return kind == ObjectKind::kGt ? "/objects/gt" : "/objects/proposal";
}

void require(const std::string& what, std::size_t got, std::size_t expected) {
  if (got == expected) return;
  throw InputError(
      explain("scene: " + what, std::to_string(got) + " values", std::to_string(expected)));
}

void check_tables(const SceneFrames& f) {
  const std::size_t count = f.id.size();
  if (count == 0) throw InputError(explain("scene", "no frames", "at least one"));
  if (f.depth_height < 1 || f.depth_width < 1)
    throw InputError(explain("scene", "no depth", "a depth map a frame"));
  require("time_s", f.time_s.size(), count);
  require("world_from_cam", f.world_from_cam.size(), count);
  require("K_color", f.K_color.size(), count);
  require("K_depth", f.K_depth.size(), count);
  require("size_color", f.size_color.size(), count);
}

void check_objects(const std::string& name, const SceneObjects& o) {
  const std::size_t count = o.id.size();
  require(name + "/label", o.label.size(), count);
  require(name + "/nyu40", o.nyu40.size(), count);
  require(name + "/score", o.score.size(), count);
  require(name + "/box", o.box.size(), count);
}

void write_tables(h5::File& file, const SceneFrames& f) {
  const std::int64_t count = extent(f.id.size());
  const std::vector<std::array<std::int32_t, 2>> size_depth(f.id.size(),
                                                            {f.depth_height, f.depth_width});
  file.write_dataset("/frames/id", DType::kI64, {count}, h5::raw_bytes(f.id));
  file.write_dataset("/frames/time_s", DType::kF64, {count}, h5::raw_bytes(f.time_s));
  file.write_dataset("/frames/world_from_cam", DType::kF64, {count, 4, 4},
                     h5::raw_bytes(f.world_from_cam));
  file.write_dataset("/frames/K_color", DType::kF64, {count, 3, 3}, h5::raw_bytes(f.K_color));
  file.write_dataset("/frames/K_depth", DType::kF64, {count, 3, 3}, h5::raw_bytes(f.K_depth));
  file.write_dataset("/frames/size_color", DType::kI32, {count, 2}, h5::raw_bytes(f.size_color));
  file.write_dataset("/frames/size_depth", DType::kI32, {count, 2}, h5::raw_bytes(size_depth));
}

void write_objects(h5::File& file, const std::string& group, const SceneObjects& o) {
  const std::int64_t count = extent(o.id.size());
  file.make_group(group);
  file.write_text(group, "source", o.source);
  std::size_t longest = 1;
  for (const auto& label : o.label) longest = std::max(longest, label.size());
  std::vector<char> text(o.label.size() * longest, '\0');
  for (std::size_t n = 0; n < o.label.size(); ++n)
    std::copy(o.label[n].begin(), o.label[n].end(), text.begin() + extent(n * longest));
  file.write_dataset(group + "/id", DType::kI32, {count}, h5::raw_bytes(o.id));
  file.write_dataset(group + "/label", DType::kU8, {count, extent(longest)}, h5::raw_bytes(text));
  file.write_dataset(group + "/nyu40", DType::kI32, {count}, h5::raw_bytes(o.nyu40));
  file.write_dataset(group + "/score", DType::kF32, {count}, h5::raw_bytes(o.score));
  file.write_dataset(group + "/box", DType::kF32, {count, 6}, h5::raw_bytes(o.box));
}

// Rows of one dataset, put one after the other.
class Rows {
 public:
  Rows(h5::File& file, std::string object, DType dtype, const Shape& shape, std::int64_t chunk = 1)
      : object_(std::move(object)), count_(shape.at(0)) {
    file.create_dataset(object_, dtype, shape, chunk);
  }
  void put(h5::File& file, std::span<const std::byte> raw, std::int64_t rows = 1) {
    file.write_rows(object_, done_, rows, raw);
    hash_.bytes(raw);
    done_ += rows;
  }
  void end(h5::File& file) const {
    require(object_ + ", of its rows put", static_cast<std::size_t>(done_),
            static_cast<std::size_t>(count_));
    file.write_text(object_, "xxh3", hash_.hex());
  }
  std::int64_t done() const { return done_; }
  std::int64_t count() const { return count_; }
  const std::string& object() const { return object_; }

 private:
  std::string object_;
  std::int64_t count_ = 0, done_ = 0;
  Hasher hash_;
};

}  // namespace

struct SceneWriter::State {
  PartFile part;
  h5::File file;
  std::size_t frames, pixels;
  std::vector<std::size_t> picture_bytes;
  Shape depth_shape;
  std::optional<Rows> depth, world, valid, color, gt, proposals;
  std::vector<std::byte> pending;  // of the pictures: less than a chunk

  State(const fs::path& path, const SceneFrames& f, std::span<const std::size_t> sizes)
      : part(path),
        file(h5::File::create(part.path())),
        frames(f.id.size()),
        pixels(static_cast<std::size_t>(f.depth_height) * static_cast<std::size_t>(f.depth_width)),
        picture_bytes(sizes.begin(), sizes.end()) {}

  void begin_frames(const SceneFile& scene);
  void begin_objects(ObjectKind kind, const SceneObjects& objects);
  void put_picture(std::span<const std::byte> picture, bool last);
};

void SceneWriter::State::begin_frames(const SceneFile& scene) {
  const std::int64_t count = extent(frames);
  write_tables(file, scene.frames);
  depth.emplace(file, kDepth, DType::kU16,
                Shape{count, scene.frames.depth_height, scene.frames.depth_width});
  if (!picture_bytes.empty()) {
    std::vector<std::int64_t> offset{0};
    for (const std::size_t size : picture_bytes) offset.push_back(offset.back() + extent(size));
    color.emplace(file, kColor, DType::kU8, Shape{offset.back()}, kByteChunk);
    file.write_dataset("/frames/color_jpeg_offset", DType::kI64, {count + 1}, h5::raw_bytes(offset),
                       count + 1);
  }
  const std::vector<std::array<double, 16>> align{scene.axis_align};
  file.write_dataset("/axis_align", DType::kF64, {4, 4}, h5::raw_bytes(align), 4);
  file.make_group("/patch");
  file.write_text("/patch", "view", scene.patches.view);
  world.emplace(file, kWorld, DType::kF32, Shape{count, kTokenGrid, kTokenGrid, 3});
  valid.emplace(file, kValid, DType::kF32, Shape{count, kTokenGrid, kTokenGrid});
}

void SceneWriter::State::begin_objects(ObjectKind kind, const SceneObjects& objects) {
  const std::string group = group_of(kind);
  write_objects(file, group, objects);
  auto& cells = kind == ObjectKind::kGt ? gt : proposals;
  cells.emplace(file, group + "/cells", DType::kU8,
                Shape{extent(objects.id.size()), extent(frames), kCellGrid, kCellGrid});
}

// Whole chunks at a time: HDF5 would read a chunk again to add to it.
void SceneWriter::State::put_picture(std::span<const std::byte> picture, bool last) {
  pending.insert(pending.end(), picture.begin(), picture.end());
  constexpr auto kChunk = static_cast<std::size_t>(kByteChunk);
  const std::size_t ready = last ? pending.size() : pending.size() / kChunk * kChunk;
  for (std::size_t at = 0; at < ready; at += kChunk) {
    const std::size_t size = std::min(kChunk, ready - at);
    color->put(file, std::span(pending).subspan(at, size), extent(size));
  }
  pending.erase(pending.begin(), pending.begin() + extent(ready));
}

SceneWriter::SceneWriter(const fs::path& path, const SceneFile& scene,
                         std::span<const std::size_t> picture_bytes) {
  check_tables(scene.frames);
  if (!picture_bytes.empty()) require("color_jpeg", picture_bytes.size(), scene.frames.id.size());
  if (scene.has_gt) check_objects("objects/gt", scene.gt);
  if (scene.has_proposals) check_objects("objects/proposal", scene.proposals);
  state_ = std::make_unique<State>(path, scene.frames, picture_bytes);
  State& s = *state_;
  write_header(s.file, kSceneSchema, scene.header);
  s.begin_frames(scene);
  s.file.make_group("/objects");
  if (scene.has_gt) s.begin_objects(ObjectKind::kGt, scene.gt);
  if (scene.has_proposals) s.begin_objects(ObjectKind::kProposal, scene.proposals);
}

SceneWriter::~SceneWriter() = default;

void SceneWriter::put_frame(const Frame& frame) {
  State& s = *state_;
  const auto row = static_cast<std::size_t>(s.depth->done());
  if (row >= s.frames)
    throw InputError(
        explain("scene", "frame " + std::to_string(row), "one of " + std::to_string(s.frames)));
  require("depth", frame.depth.size(), s.pixels);
  require("patch/world14", frame.world14.size(), kTokens * 3);
  require("patch/valid14", frame.valid14.size(), kTokens);
  if (s.color) {
    require("color_jpeg, frame " + std::to_string(row), frame.picture.size(), s.picture_bytes[row]);
    s.put_picture(frame.picture, row + 1 == s.frames);
  }
  s.depth->put(s.file, std::as_bytes(frame.depth));
  s.world->put(s.file, std::as_bytes(frame.world14));
  s.valid->put(s.file, std::as_bytes(frame.valid14));
}

std::vector<std::uint16_t> SceneWriter::depth(std::size_t frame) const {
  const State& s = *state_;
  std::vector<std::uint16_t> out(s.pixels);
  s.file.read_rows(kDepth, extent(frame), 1, std::as_writable_bytes(std::span(out)));
  return out;
}

void SceneWriter::put_cells(ObjectKind kind, std::span<const std::uint8_t> cells) {
  State& s = *state_;
  auto& rows = kind == ObjectKind::kGt ? s.gt : s.proposals;
  if (!rows || rows->done() >= rows->count())
    throw InputError(explain("scene: " + group_of(kind), "cells of one more object",
                             std::to_string(rows ? rows->count() : 0)));
  require(rows->object(), cells.size(), s.frames * kCells);
  rows->put(s.file, std::as_bytes(cells));
}

void SceneWriter::finish(const std::map<std::string, std::string>& provenance) {
  State& s = *state_;
  for (const auto* rows : {&s.depth, &s.world, &s.valid, &s.color, &s.gt, &s.proposals}) {
    if (*rows) (*rows)->end(s.file);
  }
  write_provenance(s.file, provenance);
  finish_file(s.file, s.part);
}

void write_scene_file(const fs::path& path, const SceneFile& scene) {
  const SceneFrames& f = scene.frames;
  check_tables(f);
  const std::size_t count = f.id.size();
  const std::size_t pixels =
      static_cast<std::size_t>(f.depth_height) * static_cast<std::size_t>(f.depth_width);
  require("depth", f.depth.size(), count * pixels);
  require("patch/world14", scene.patches.world14.size(), count * kTokens * 3);
  require("patch/valid14", scene.patches.valid14.size(), count * kTokens);
  for (const SceneObjects* o : {&scene.gt, &scene.proposals})
    require("cells", o->cells.size(), o->id.size() * count * kCells);
  if (!f.color_jpeg.empty()) require("color_jpeg", f.color_jpeg.size(), count);
  std::vector<std::size_t> sizes;
  for (const auto& picture : f.color_jpeg) sizes.push_back(picture.size());
  SceneWriter writer(path, scene, sizes);
  for (std::size_t v = 0; v < count; ++v) {
    SceneWriter::Frame frame;
    frame.depth = std::span(f.depth).subspan(v * pixels, pixels);
    if (!sizes.empty()) frame.picture = f.color_jpeg[v];
    frame.world14 = std::span(scene.patches.world14).subspan(v * kTokens * 3, kTokens * 3);
    frame.valid14 = std::span(scene.patches.valid14).subspan(v * kTokens, kTokens);
    writer.put_frame(frame);
  }
  const auto put = [&](ObjectKind kind, const SceneObjects& o) {
    for (std::size_t n = 0; n < o.id.size(); ++n)
      writer.put_cells(kind, std::span(o.cells).subspan(n * count * kCells, count * kCells));
  };
  if (scene.has_gt) put(ObjectKind::kGt, scene.gt);
  if (scene.has_proposals) put(ObjectKind::kProposal, scene.proposals);
  writer.finish();
}

}  // namespace vega
