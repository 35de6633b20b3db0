// The files of one scene joined: whether they belong together, and what a features file and a scene
// file say about the same frames.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/image_types.h"
#include "geometry/pose.h"
#include "store/features.h"
#include "store/scene_file.h"
#include "store/tokens_file.h"

namespace vega {

// Depth of frame `row` of a scene file, mm.
ImageU16 depth_map(const SceneReader& scene, const SceneFrames& frames, std::size_t row);

// Colour frame `row`; {0, 0} where it is not known.
ImageSize color_size(const FrameTable& frames, std::size_t row);

// What the files of one scene have in common: key, frames, poses, sizes of the colour frames.
struct FileFrames {
  std::filesystem::path path;
  std::string key;
  std::vector<std::int64_t> id;
  std::vector<Pose> world_from_cam;
  std::vector<std::array<std::int32_t, 2>> size_color;  // height, width; 0 unknown
  std::optional<Pose> axis_align;  // of a scene file: its poses are this times those of the source
};

FileFrames frames_of(const FeatureReader& file);
FileFrames frames_of(const TokensReader& file);
FileFrames frames_of(const SceneReader& file);

enum class FrameMatch {
  kEqual,  // the same frames in the same order
  kAmong   // every frame of the first file is one of the second, found by its id
};

// The row of `other` for each row of `main`. Throws InputError that names both files and what
// differs: keys, frames (which first), poses of one frame, sizes of one colour frame.
std::vector<std::size_t> join_frames(const FileFrames& main, const FileFrames& other,
                                     FrameMatch match);

// FOLDER/KEY.h5. Throws InputError, naming the option, where there is no such file.
std::filesystem::path file_of_scene(const std::string& option, const std::string& folder,
                                    const std::string& key, const std::string& remedy);

// Throws InputError where the file is of another scene than its place says.
void require_key(const std::filesystem::path& path, const std::string& key,
                 const std::string& expected);

}  // namespace vega
