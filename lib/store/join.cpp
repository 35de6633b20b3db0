#include "store/join.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/error.h"

namespace vega {

ImageU16 depth_map(const SceneReader& scene, const SceneFrames& frames, std::size_t row) {
  ImageU16 depth;
  depth.width = frames.depth_width;
  depth.height = frames.depth_height;
  depth.v = scene.depth(row);
  return depth;
}

ImageSize color_size(const FrameTable& frames, std::size_t row) {
  return {frames.size_color[row][1], frames.size_color[row][0]};
}

namespace {

constexpr double kSourcePoseTolerance = 1e-6;  // m: both poses are the source's
// Of axis_align times a source's pose and the pose of a scene file: the release prints six digits
// behind the point, which a rotation of a room of some metres makes 1e-5.
constexpr double kScenePoseTolerance = 1e-4;

FileFrames frames_of(const std::filesystem::path& path, const std::string& key, auto table) {
  return {
      path, key, std::move(table.id), std::move(table.world_from_cam), std::move(table.size_color),
      {}};
}

// Of two lists that should be equal: the first place where they are not.
void require_equal_ids(const std::string& where, const std::vector<std::int64_t>& ids,
                       const std::vector<std::int64_t>& others, const std::string& remedy) {
  const auto [a, b] = std::mismatch(ids.begin(), ids.end(), others.begin(), others.end());
  if (a == ids.end() && b == others.end()) return;
  const auto show = [](auto at, auto end) {
    return at == end ? std::string("none") : std::to_string(*at);
  };
  throw InputError(explain(where,
                           std::to_string(ids.size()) + " and " + std::to_string(others.size()) +
                               " frames; frame " + std::to_string(a - ids.begin()) +
                               " of the list is " + show(a, ids.end()) + " in the first, " +
                               show(b, others.end()) + " in the second",
                           "the same frames in the same order", remedy));
}

std::vector<std::size_t> matched_rows(const std::string& where, const FileFrames& main,
                                      const FileFrames& other, FrameMatch match,
                                      const std::string& remedy) {
  if (match == FrameMatch::kEqual) require_equal_ids(where, main.id, other.id, remedy);
  std::map<std::int64_t, std::size_t> place;
  for (std::size_t i = 0; i < other.id.size(); ++i) place.emplace(other.id[i], i);
  std::vector<std::size_t> rows;
  for (const std::int64_t id : main.id) {
    const auto at = place.find(id);
    if (at == place.end())
      throw InputError(explain(where, "frame " + std::to_string(id) + " in the first only",
                               "a second file with the frames of the first", remedy));
    rows.push_back(match == FrameMatch::kEqual ? rows.size() : at->second);
  }
  return rows;
}

std::string size_text(const std::array<std::int32_t, 2>& size) {
  return std::to_string(size[1]) + "x" + std::to_string(size[0]);
}

}  // namespace

FileFrames frames_of(const FeatureReader& file) {
  return frames_of(file.path(), file.header().key, file.frames());
}

FileFrames frames_of(const TokensReader& file) {
  return frames_of(file.path(), file.header().key, file.frames());
}

FileFrames frames_of(const SceneReader& file) {
  FileFrames frames = frames_of(file.path(), file.header().key, file.frames());
  frames.axis_align = file.axis_align();
  return frames;
}

std::vector<std::size_t> join_frames(const FileFrames& main, const FileFrames& other,
                                     FrameMatch match) {
  require_key(other.path, other.key, main.key);
  const std::string where = main.path.string() + " and " + other.path.string();
  const std::string remedy =
      (other.axis_align ? "vega-extract scene" : "extract one of them with") +
      (" --select frames:" + main.path.parent_path().string()) + " --overwrite";
  const auto rows = matched_rows(where, main, other, match, remedy);
  for (std::size_t v = 0; v < rows.size(); ++v) {
    const std::string frame = "frame " + std::to_string(main.id[v]);
    const Pose pose = other.axis_align ? multiply(*other.axis_align, main.world_from_cam[v])
                                       : main.world_from_cam[v];
    if (!same_pose(pose, other.world_from_cam[rows[v]],
                   other.axis_align ? kScenePoseTolerance : kSourcePoseTolerance))
      throw InputError(explain(where, "two poses of " + frame, "files of one scan",
                               "extract one of them again"));
    const auto &a = main.size_color[v], &b = other.size_color[rows[v]];
    if (a != b && a[0] > 0 && b[0] > 0)
      throw InputError(explain(where,
                               frame + " of " + size_text(a) + " and " + size_text(b) + " pixels",
                               "files of the same frames", "extract one of them again"));
  }
  return rows;
}

std::filesystem::path file_of_scene(const std::string& option, const std::string& folder,
                                    const std::string& key, const std::string& remedy) {
  std::filesystem::path path = std::filesystem::path(folder) / (key + ".h5");
  if (std::filesystem::exists(path)) return path;
  throw InputError(
      explain(option + " " + path.string(), "no such file", "a file of the scene " + key, remedy));
}

void require_key(const std::filesystem::path& path, const std::string& key,
                 const std::string& expected) {
  if (key == expected) return;
  throw InputError(explain(path.string(), "the scene '" + key + "'", "'" + expected + "'",
                           "the file was renamed or belongs to another scene"));
}

}  // namespace vega
