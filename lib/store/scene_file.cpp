#include "store/scene_file.h"

#include <cstring>

#include "base/error.h"
#include "store/part_store.h"

namespace vega {
namespace fs = std::filesystem;
namespace {

std::vector<std::string> read_labels(const h5::File& file, const std::string& object,
                                     std::int64_t count) {
  const auto raw = file.read_dataset(object, DType::kU8, {count, -1});
  const auto width = static_cast<std::size_t>(file.info(object).shape[1]);
  std::vector<std::string> out;
  for (std::size_t n = 0; n < static_cast<std::size_t>(count); ++n) {
    const auto* first = reinterpret_cast<const char*>(raw.data()) + n * width;
    out.emplace_back(first, strnlen(first, width));
  }
  return out;
}

}  // namespace

std::string object_group(ObjectKind kind) {
  return kind == ObjectKind::kGt ? "/objects/gt" : "/objects/proposal";
}

struct SceneReader::State {
  h5::File file;
  FileHeader header;
  std::int64_t frames = 0, depth_height = 0, depth_width = 0;

  std::vector<std::byte> read(const std::string& object, DType dtype, const Shape& shape) const {
    return file.read_dataset(object, dtype, shape);
  }
  void expect(const std::string& object, DType dtype, const Shape& shape) const;
  void expect_objects(const std::string& group) const;
};

void SceneReader::State::expect(const std::string& object, DType dtype, const Shape& shape) const {
  const auto info = file.info(object);
  if (info.dtype == dtype && info.shape == shape) return;
  throw FormatError(explain(file.path().string() + ": " + object,
                            std::string(name_of(info.dtype)) + " " + to_string(info.shape),
                            std::string(name_of(dtype)) + " " + to_string(shape)));
}

void SceneReader::State::expect_objects(const std::string& group) const {
  if (!file.exists(group)) return;
  const Shape ids = file.info(group + "/id").shape;
  const std::int64_t count = ids.empty() ? 0 : ids[0];
  SceneObjects none;
  SceneObjects::columns(none, [&](const std::string& name, DType dtype, const Shape& row, auto&) {
    expect(group + "/" + name, dtype, rows_of(static_cast<std::size_t>(count), row));
  });
  expect(group + "/cells", DType::kU8, {count, frames, kCellGrid, kCellGrid});
}

SceneReader::SceneReader(const fs::path& path)
    : state_(std::make_unique<State>(State{h5::File::open(path), {}})) {
  State& s = *state_;
  require_complete(s.file, kSceneSchema);
  s.header = read_header(s.file);
  const auto depth = s.file.info("/frames/depth");
  if (depth.dtype != DType::kU16 || depth.shape.size() != 3)
    throw FormatError(explain(path.string() + ": /frames/depth",
                              std::string(name_of(depth.dtype)) + " " + to_string(depth.shape),
                              "u16 [V, Hd, Wd]"));
  s.frames = depth.shape[0];
  s.depth_height = depth.shape[1];
  s.depth_width = depth.shape[2];
  s.expect("/frames/id", DType::kI64, {s.frames});
  s.expect("/axis_align", DType::kF64, {4, 4});
  s.expect("/patch/world14", DType::kF32, {s.frames, kTokenGrid, kTokenGrid, 3});
  s.expect("/patch/valid14", DType::kF32, {s.frames, kTokenGrid, kTokenGrid});
  for (const auto kind : {ObjectKind::kGt, ObjectKind::kProposal})
    s.expect_objects(object_group(kind));
}

SceneReader::~SceneReader() = default;
SceneReader::SceneReader(SceneReader&&) noexcept = default;

const fs::path& SceneReader::path() const { return state_->file.path(); }
const FileHeader& SceneReader::header() const { return state_->header; }
std::size_t SceneReader::frame_count() const { return static_cast<std::size_t>(state_->frames); }

SceneFrames SceneReader::frames() const {
  const State& s = *state_;
  auto f = read_columns<SceneFrames>(s.file, "/frames", frame_count());
  f.depth_height = static_cast<std::int32_t>(s.depth_height);
  f.depth_width = static_cast<std::int32_t>(s.depth_width);
  for (const auto& size : h5::values_of<std::array<std::int32_t, 2>>(
           s.read("/frames/size_depth", DType::kI32, {s.frames, 2}))) {
    if (size[0] != f.depth_height || size[1] != f.depth_width)
      throw FormatError(explain(path().string() + ": /frames/size_depth",
                                "another size than that of /frames/depth", "the same"));
  }
  return f;
}

Pose SceneReader::axis_align() const {
  return h5::values_of<Pose>(state_->read("/axis_align", DType::kF64, {4, 4})).at(0);
}

ScenePatches SceneReader::patches() const {
  const State& s = *state_;
  ScenePatches p;
  p.view = s.file.read_text("/patch", "view");
  p.world14 = h5::values_of<float>(s.file.read_dataset("/patch/world14"));
  p.valid14 = h5::values_of<float>(s.file.read_dataset("/patch/valid14"));
  return p;
}

bool SceneReader::has_color() const { return state_->file.exists("/frames/color_jpeg"); }
bool SceneReader::has_objects(ObjectKind kind) const {
  return state_->file.exists(object_group(kind));
}

SceneObjects SceneReader::objects(ObjectKind kind) const {
  const State& s = *state_;
  const std::string group = object_group(kind);
  if (!has_objects(kind))
    throw InputError(explain(path().string(), "no " + group, "a scene with such objects"));
  const auto count = static_cast<std::size_t>(s.file.info(group + "/id").row_count());
  auto o = read_columns<SceneObjects>(s.file, group, count);
  o.label = read_labels(s.file, group + "/label", extent(count));
  o.source = s.file.read_text(group, "source");
  return o;
}

std::vector<std::uint8_t> SceneReader::cells(ObjectKind kind, std::size_t n) const {
  const State& s = *state_;
  const std::string object = object_group(kind) + "/cells";
  const auto count = has_objects(kind) ? s.file.info(object).row_count() : 0;
  if (extent(n) >= count)
    throw InputError(explain(path().string() + ": " + object, "object " + std::to_string(n),
                             "one of " + std::to_string(count)));
  std::vector<std::uint8_t> out(static_cast<std::size_t>(s.frames * kCellGrid * kCellGrid));
  s.file.read_rows(object, extent(n), 1, std::as_writable_bytes(std::span(out)));
  return out;
}

std::vector<std::uint16_t> SceneReader::depth(std::size_t frame) const {
  const State& s = *state_;
  if (frame >= frame_count())
    throw InputError(explain(path().string(), "frame " + std::to_string(frame),
                             "one of " + std::to_string(frame_count())));
  std::vector<std::uint16_t> out(static_cast<std::size_t>(s.depth_height * s.depth_width));
  s.file.read_rows("/frames/depth", extent(frame), 1, std::as_writable_bytes(std::span(out)));
  return out;
}

std::vector<std::vector<std::byte>> SceneReader::color_jpeg() const {
  if (!has_color())
    throw InputError(explain(path().string(), "no pictures", "/frames/color_jpeg",
                             "make the scene again without --no-color"));
  return read_flat(state_->file, "/frames/color_jpeg", frame_count());
}

std::vector<std::byte> SceneReader::color_jpeg(std::size_t frame) const {
  if (!has_color() || frame >= frame_count()) {
    const std::string got = has_color() ? "frame " + std::to_string(frame) : "no pictures";
    throw InputError(explain(path().string(), got, "a picture of one of its frames"));
  }
  return read_flat(state_->file, "/frames/color_jpeg", frame_count(), frame);
}

std::vector<std::int64_t> read_frame_ids(const fs::path& path) {
  const h5::File file = h5::File::open(path);
  require_complete(file, read_schema(file));
  return h5::values_of<std::int64_t>(file.read_dataset("/frames/id", DType::kI64, {-1}));
}

}  // namespace vega
