// The writing half of store/scene_file.h.
#include <algorithm>

#include "base/error.h"
#include "store/part_store.h"
#include "store/scene_file.h"

namespace vega {
namespace fs = std::filesystem;
namespace {

constexpr const char* kDepth = "/frames/depth";
constexpr const char* kColor = "/frames/color_jpeg";
constexpr const char* kWorld = "/patch/world14";
constexpr const char* kValid = "/patch/valid14";

void check_tables(const SceneFrames& f) {
  const std::size_t count = f.id.size();
  if (count == 0) throw InputError(explain("scene", "no frames", "at least one"));
  if (f.depth_height < 1 || f.depth_width < 1)
    throw InputError(explain("scene", "no depth", "a depth map a frame"));
  check_columns("scene: frames", f, count);
}

void check_objects(const std::string& name, const SceneObjects& o) {
  check_columns("scene: " + name, o, o.id.size());
  check_values("scene: " + name + "/label", o.label.size(), o.id.size());
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
  write_columns(file, group, o, o.id.size());
  file.write_dataset(group + "/label", DType::kU8, {count, extent(longest)}, h5::raw_bytes(text));
}

}  // namespace

struct SceneWriter::State {
  PartStore store;
  std::int64_t frames;
  std::size_t pixels;
  bool pictures;
  std::int64_t row = 0;                       // the frame to come
  std::map<ObjectKind, std::int64_t> object;  // the object to come

  State(const fs::path& path, const SceneFile& scene, bool with_pictures)
      : store(path, kSceneSchema, scene.header),
        frames(extent(scene.frames.id.size())),
        pixels(static_cast<std::size_t>(scene.frames.depth_height) *
               static_cast<std::size_t>(scene.frames.depth_width)),
        pictures(with_pictures) {}

  void begin_frames(const SceneFile& scene);
  void begin_objects(ObjectKind kind, const SceneObjects& objects);
};

void SceneWriter::State::begin_frames(const SceneFile& scene) {
  h5::File& file = store.file();
  const SceneFrames& f = scene.frames;
  const std::vector<std::array<std::int32_t, 2>> size_depth(f.id.size(),
                                                            {f.depth_height, f.depth_width});
  write_columns(file, "/frames", f, f.id.size());
  file.write_dataset("/frames/size_depth", DType::kI32, {frames, 2}, h5::raw_bytes(size_depth));
  store.begin_rows(kDepth, DType::kU16, {frames, f.depth_height, f.depth_width});
  const std::vector<Pose> align{scene.axis_align};
  file.write_dataset("/axis_align", DType::kF64, {4, 4}, h5::raw_bytes(align), 4);
  file.make_group("/patch");
  file.write_text("/patch", "view", scene.patches.view);
  store.begin_rows(kWorld, DType::kF32, {frames, kTokenGrid, kTokenGrid, 3});
  store.begin_rows(kValid, DType::kF32, {frames, kTokenGrid, kTokenGrid});
  file.make_group("/objects");
}

void SceneWriter::State::begin_objects(ObjectKind kind, const SceneObjects& objects) {
  const std::string group = object_group(kind);
  write_objects(store.file(), group, objects);
  store.begin_rows(group + "/cells", DType::kU8,
                   {extent(objects.id.size()), frames, kCellGrid, kCellGrid});
}

SceneWriter::SceneWriter(const fs::path& path, const SceneFile& scene,
                         std::span<const std::size_t> picture_bytes) {
  check_tables(scene.frames);
  if (!picture_bytes.empty())
    check_values("scene: color_jpeg", picture_bytes.size(), scene.frames.id.size());
  if (scene.has_gt) check_objects("objects/gt", scene.gt);
  if (scene.has_proposals) check_objects("objects/proposal", scene.proposals);
  state_ = std::make_unique<State>(path, scene, !picture_bytes.empty());
  State& s = *state_;
  s.begin_frames(scene);
  if (s.pictures) s.store.begin_flat(kColor, picture_bytes);
  if (scene.has_gt) s.begin_objects(ObjectKind::kGt, scene.gt);
  if (scene.has_proposals) s.begin_objects(ObjectKind::kProposal, scene.proposals);
}

SceneWriter::~SceneWriter() = default;

void SceneWriter::put_frame(const Frame& frame) {
  State& s = *state_;
  if (s.row >= s.frames)
    throw InputError(
        explain("scene", "frame " + std::to_string(s.row), "one of " + std::to_string(s.frames)));
  check_values("scene: depth", frame.depth.size(), s.pixels);
  check_values("scene: patch/world14", frame.world14.size(), kTokenCells * 3);
  check_values("scene: patch/valid14", frame.valid14.size(), kTokenCells);
  if (s.pictures) s.store.put_flat(kColor, frame.picture);
  s.store.put_rows(kDepth, s.row, 1, std::as_bytes(frame.depth));
  s.store.put_rows(kWorld, s.row, 1, std::as_bytes(frame.world14));
  s.store.put_rows(kValid, s.row, 1, std::as_bytes(frame.valid14));
  ++s.row;
}

std::vector<std::uint16_t> SceneWriter::depth(std::size_t frame) const {
  std::vector<std::uint16_t> out(state_->pixels);
  state_->store.file().read_rows(kDepth, extent(frame), 1, std::as_writable_bytes(std::span(out)));
  return out;
}

void SceneWriter::put_cells(ObjectKind kind, std::span<const std::uint8_t> cells) {
  std::int64_t& next = state_->object[kind];
  state_->store.put_rows(object_group(kind) + "/cells", next, 1, std::as_bytes(cells));
  ++next;
}

void SceneWriter::finish(const std::map<std::string, std::string>& provenance) {
  state_->store.finish(provenance);
}

}  // namespace vega
