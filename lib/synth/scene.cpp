#include "synth/scene.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <mutex>

#include "base/build_info.h"
#include "base/error.h"
#include "base/json.h"
#include "base/parallel.h"
#include "base/publish.h"
#include "base/stop.h"
#include "media/decode.h"
#include "media/jpeg.h"
#include "media/png.h"
#include "media/sens.h"
#include "synth/room.h"
#include "synth/scan.h"

namespace vega {
namespace fs = std::filesystem;
namespace {

constexpr const char* kRecipe = "objects.json";

[[noreturn]] void fail(const fs::path& path, const char* what) {
  const int reason = errno;
  throw OutputError(explain(path.string(),
                            std::string(what) + " failed (" + std::strerror(reason) + ")", "",
                            "check the path, its permissions and the free space"));
}

void write_file(const fs::path& path, std::string_view bytes) {
  std::ofstream out(path, std::ios::binary);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.close();
  if (!out) fail(path, "write");
}

void write_file(const fs::path& path, const std::vector<std::byte>& bytes) {
  write_file(path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

// A folder beside its final name, held by a lock; removed again unless published. Folders that dead
// writers of the same name left are removed first.
class PartFolder {
 public:
  explicit PartFolder(const fs::path& final_path) : final_(final_path) {
    make_folder(final_.parent_path());
    remove_dead();
    part_ = final_;
    part_ += ".part-" + host_name() + "-" + std::to_string(getpid());
    make_folder(part_);
    descriptor_ = open(part_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor_ < 0) fail(part_, "open");
    if (flock(descriptor_, LOCK_EX | LOCK_NB) != 0) fail(part_, "lock");
  }
  ~PartFolder() {
    std::error_code ignored;
    if (!part_.empty()) fs::remove_all(part_, ignored);
    if (descriptor_ >= 0) close(descriptor_);
  }
  PartFolder(const PartFolder&) = delete;
  PartFolder& operator=(const PartFolder&) = delete;

  const fs::path& path() const { return part_; }

  // Everything to disk, then the name: the new folder stands whole, or the old one does.
  void publish() {
    if (syncfs(descriptor_) != 0) fail(part_, "sync");
    if (!fs::exists(final_)) {
      if (rename(part_.c_str(), final_.c_str()) != 0) fail(final_, "rename");
      part_.clear();
    } else if (renameat2(AT_FDCWD, part_.c_str(), AT_FDCWD, final_.c_str(), RENAME_EXCHANGE) != 0) {
      // A file system that cannot exchange (NFS): a short moment without the folder.
      fs::path old = part_;
      old += ".old";
      if (rename(final_.c_str(), old.c_str()) != 0) fail(final_, "rename");
      if (rename(part_.c_str(), final_.c_str()) != 0) {
        const int reason = errno;
        const bool back = rename(old.c_str(), final_.c_str()) == 0;
        errno = reason;
        fail(back ? final_ : old, "rename");
      }
      part_ = old;  // the destructor removes it
    }
    // After an exchange the part name holds the old folder: the destructor removes it too.
    const int parent = open(final_.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent >= 0) fsync(parent), close(parent);
  }

 private:
  void remove_dead() const {
    const std::string prefix = final_.filename().string() + ".part-";
    std::error_code ignored;
    std::vector<fs::path> dead;
    for (const auto& entry : fs::directory_iterator(final_.parent_path(), ignored)) {
      if (!entry.is_directory(ignored)) continue;
      if (entry.path().filename().string().starts_with(prefix)) dead.push_back(entry.path());
    }
    for (const fs::path& path : dead) {
      const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      if (fd < 0) continue;
      if (flock(fd, LOCK_EX | LOCK_NB) == 0) fs::remove_all(path, ignored);
      close(fd);
    }
  }

  fs::path final_, part_;
  int descriptor_ = -1;
};

void check_range(const char* what, int got, WholeRange range) {
  if (got >= range.least && got <= range.most) return;
  throw InputError(explain(std::string("synthetic scene, ") + what, std::to_string(got),
                           std::to_string(range.least) + " to " + std::to_string(range.most)));
}

// Without a trailing slash, so that a part folder can stand beside it.
fs::path absolute_folder(const fs::path& path) {
  const fs::path folder = fs::absolute(path).lexically_normal();
  return folder.has_filename() ? folder : folder.parent_path();
}

void check(const SceneOptions& o) {
  if (o.folder.empty() || absolute_folder(o.folder).filename().empty()) {
    throw InputError(explain("synthetic scene, folder", "'" + o.folder.string() + "'", "a name"));
  }
  const std::string name = absolute_folder(o.folder).filename().string();
  const bool number = name.size() == 5 && name.find_first_not_of("0123456789") == name.npos;
  if (o.scan && (number || name == "intrinsic" || name == "depth_intrinsic")) {
    throw InputError(explain("synthetic scan, folder",
                             "'" + name + "', and " + name + ".txt is a pose or a camera",
                             "another name, such as scene0000_00; or a plain folder (--plain)"));
  }
  check_range("frames", o.frames, kSceneFrames);
  check_range("every", o.every, kSceneFrames);
  check_range("width", o.width, kSceneSide);
  check_range("height", o.height, kSceneSide);
  check_range("quality", o.quality, kSceneQuality);
  check_range("threads", o.threads, kSceneThreads);
}

// A stream holds float32; where the folder is to be equal to it, so does the folder.
bool float_poses(const SceneOptions& o) {
  return o.sens || (o.scan && o.scan_frame == ScanFrame::kOwn);
}

Json recipe_of(const SceneOptions& o) {
  Json recipe = {{"generator", 1},       {"seed", o.seed},        {"frames", o.frames},
                 {"every", o.every},     {"width", o.width},      {"height", o.height},
                 {"quality", o.quality}, {"sens", float_poses(o)}};
  // Absent without: older folders are the same scenes.
  if (has_plain_shapes(o.kind)) recipe.set("study", true);
  if (o.kind == RoomKind::kStacked) recipe.set("stacked", true);
  if (o.scan && o.scan_frame == ScanFrame::kOwn) recipe.set("scan", true);
  if (o.scan && o.scan_frame == ScanFrame::kRoom) recipe.set("scan", "room");
  if (o.scan && o.masks == MaskNoise::kExact) recipe.set("masks", "exact");
  return recipe;
}

// What an earlier run wrote about its scene; null where there is nothing of the kind.
Json recipe_file(const fs::path& path) {
  try {
    return read_json(path, "a scene's recipe", {std::size_t{64} << 20});
  } catch (const InputError&) {
    return {};
  }
}

// True when the folder holds exactly this scene already. Throws RefusedError for another content
// that may not be replaced.
bool already_there(const SceneOptions& o, const fs::path& folder) {
  if (!fs::exists(folder)) return false;
  if (fs::is_directory(folder) && fs::is_empty(folder)) return false;
  const Json found = recipe_file(folder / kRecipe);
  if (found["schema"].text_or("") != "vega.room/1") {
    throw RefusedError(explain(folder.string(), "something that is not a synthetic scene",
                               "no such folder, or one made by this program",
                               "choose another folder, or move this one away"));
  }
  if (o.overwrite) return false;
  const Json wanted = recipe_of(o).sorted(), had = found["recipe"].sorted();
  if (had == wanted) return true;
  throw RefusedError(explain(folder.string(), "a scene made with " + had.dump(), wanted.dump(),
                             "give --overwrite to replace it, or choose another folder"));
}

std::string matrix_text(const std::array<double, 16>& m) {
  std::string text;
  char number[40];
  for (int i = 0; i < 16; ++i) {
    std::snprintf(number, sizeof number, "%.17g%c", m[i], i % 4 == 3 ? '\n' : ' ');
    text += number;
  }
  return text;
}

// By object, then by written frame: pixels that show it.
using PixelCounts = std::vector<std::vector<std::int64_t>>;

std::string objects_text(const SceneOptions& o, const Room& room, const RoomScan& scan,
                         const PixelCounts& pixels) {
  Json list = Json::list();
  for (const RoomObject& object : room.objects()) {
    Json one = {{"id", object.id},
                {"label", object.label},
                {"min", object.box_min},
                {"max", object.box_max}};
    if (!object.colour.empty()) {
      one.set("shape", object.label);
      one.set("colour", object.colour);
      one.set("rgb", object.rgb);
    }
    if (has_plain_shapes(o.kind)) one.set("pixels", pixels[object.id]);
    list.push(std::move(one));
  }
  Json root = {
      {"schema", "vega.room/1"}, {"unit", "metre"}, {"recipe", recipe_of(o)}, {"objects", list}};
  if (o.scan) {
    Json masks = Json::list();
    for (const RoomMask& mask : scan.masks) {
      masks.push({{"objects", mask.objects}, {"score", mask.score}});
    }
    root.set("axis_align", scan.axis_align);  // room_from_scan
    root.set("masks", std::move(masks));      // rows of NAME.mask.npz
  }
  return root.dump(1) + "\n";
}

std::string frame_name(int id) {
  char name[16];
  std::snprintf(name, sizeof name, "%05d", id);
  return name;
}

// `pose` is that of the picture, `written` the same in the frame of the files.
// Adds the pixels of each object to column `frame` of `pixels`.
void write_frame(const SceneOptions& o, const Room& room, const Pose& pose, const Pose& written,
                 const fs::path& stem, PixelCounts& pixels, std::size_t frame) {
  const RoomView view = room.render(pose, o.width, o.height, 1);
  const auto with = [&](const char* suffix) { return fs::path(stem.string() + suffix); };
  for (const std::int32_t id : view.object_id)
    if (id >= 0) ++pixels[id][frame];
  write_file(with(".jpg"), encode_jpeg(view.color, o.quality, false));
  write_file(with(".png"), encode_png16(view.depth_mm));
  write_file(with(".txt"), matrix_text(written));
}

std::array<float, 16> narrow(const std::array<double, 16>& m) {
  std::array<float, 16> out;
  std::transform(m.begin(), m.end(), out.begin(), [](double v) { return static_cast<float>(v); });
  return out;
}

void to_float32(std::vector<Pose>& poses) {
  for (Pose& pose : poses) {
    for (double& value : pose) value = static_cast<float>(value);
  }
}

// The written frames once more as a stream. Time stamps are 0 (unknown), as in the folder.
void write_sens(const SceneOptions& o, const fs::path& folder, const std::string& name,
                const std::array<double, 16>& camera, const std::vector<Pose>& poses) {
  SensHeader header;
  header.sensor_name = "vega-synth";
  header.intrinsic_color = header.intrinsic_depth = narrow(camera);
  header.extrinsic_color =
      header.extrinsic_depth = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};
  header.color_size = header.depth_size = {o.width, o.height};
  header.frame_count = static_cast<std::uint64_t>((o.frames + o.every - 1) / o.every);
  SensWriter writer(folder / (name + ".sens"), header);
  for (int id = 0; id < o.frames; id += o.every) {
    check_stop();
    const fs::path depth = folder / (frame_name(id) + ".png");
    writer.append(narrow(poses[id]), 0, 0, read_file(folder / (frame_name(id) + ".jpg")),
                  decode_png16(read_file(depth), depth.string()));
  }
  writer.publish();
}

}  // namespace

bool scene_complete(const SceneOptions& o) {
  check(o);
  return already_there(o, absolute_folder(o.folder));
}

int write_scene(const SceneOptions& o, const SceneProgress& progress) {
  check(o);
  const Room room(o.seed, o.kind);  // cheap: the light comes with the first frame
  return write_scene(room, o, progress);
}

int write_scene(const Room& room, const SceneOptions& o, const SceneProgress& progress) {
  check(o);
  if (room.seed() != o.seed || room.kind() != o.kind) {
    throw InputError(
        explain("synthetic scene, seed", std::to_string(o.seed),
                std::to_string(room.seed()) + ", the seed of the room given, and its kind"));
  }
  const fs::path folder = absolute_folder(o.folder);
  if (already_there(o, folder)) return 0;
  PartFolder part(folder);
  const int threads = o.threads > 0 ? o.threads : available_cores();
  const int total = (o.frames + o.every - 1) / o.every;
  room.light(threads);
  std::vector<Pose> poses = room.walk(o.frames);
  const bool sens = o.sens || o.scan;
  if (float_poses(o)) to_float32(poses);
  std::vector<Pose> written = poses;
  RoomScan scan;
  if (o.scan) {
    scan = scan_room(room, o.scan_frame, o.masks);
    if (o.scan_frame == ScanFrame::kOwn) {
      for (Pose& pose : written) pose = scan_pose(scan, pose);
      to_float32(written);
    }
  }
  std::mutex guard;
  int done = 0;
  PixelCounts pixels(room.objects().size(), std::vector<std::int64_t>(total));
  parallel_for(static_cast<std::size_t>(total), threads, [&](std::size_t i) {
    const int id = static_cast<int>(i) * o.every;
    write_frame(o, room, poses[id], written[id], part.path() / frame_name(id), pixels, i);
    const std::lock_guard lock(guard);
    ++done;
    if (progress) progress(done, total);
  });
  const RoomIntrinsics k = Room::intrinsics(o.width, o.height);
  const std::array<double, 16> camera{k.fx, 0, k.cx, 0, 0, k.fy, k.cy, 0, 0, 0, 1, 0, 0, 0, 0, 1};
  const std::string matrix = matrix_text(camera);
  write_file(part.path() / "intrinsic.txt", matrix);
  write_file(part.path() / "depth_intrinsic.txt", matrix);
  const std::string name = folder.filename().string();
  if (sens) write_sens(o, part.path(), name, camera, written);
  if (o.scan) write_scan(scan, {k, total}, part.path(), name);
  write_file(part.path() / kRecipe, objects_text(o, room, scan, pixels));
  part.publish();
  return total;
}

}  // namespace vega
