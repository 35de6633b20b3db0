#include "scene/source.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <sstream>
#include <string_view>

#include "base/error.h"
#include "base/text.h"
#include "scene/checks.h"
#include "scene/folder.h"
#include "scene/sens_source.h"
#include "scene/video_source.h"

namespace vega {

namespace fs = std::filesystem;

namespace {

using detail::FolderLayout;
using Ids = std::vector<std::int64_t>;

constexpr std::size_t kMostText = std::size_t{64} << 10;

// The numbers of a text; "inf", "-inf" and "nan" count. Throws FormatError naming the word.
std::vector<double> numbers_of(const std::string& text, const std::string& where,
                               std::string_view expected) {
  std::istringstream words(text);
  std::vector<double> values;
  for (std::string word; words >> word;) {
    const auto value = parse_double(word);
    if (!value)
      throw FormatError(explain(where, fmt::format("\"{}\"", word.substr(0, 40)), expected));
    values.push_back(*value);
  }
  return values;
}

Pose read_pose(const fs::path& path) {
  constexpr std::string_view kExpected = "16 numbers, camera to world, row by row";
  const auto values = numbers_of(read_text(path, kExpected, kMostText), path.string(), kExpected);
  if (values.size() != 16) {
    throw FormatError(explain(path.string(), fmt::format("{} numbers", values.size()), kExpected));
  }
  Pose pose;
  std::copy(values.begin(), values.end(), pose.begin());
  return pose;
}

// The upper left 3x3 of 9 or 16 numbers.
Intrinsics camera_matrix(const std::vector<double>& values, const std::string& where) {
  const bool finite =
      std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
  if ((values.size() != 9 && values.size() != 16) || !finite) {
    throw FormatError(
        explain(where, fmt::format("{} numbers{}", values.size(), finite ? "" : ", not all finite"),
                "a 3x3 or 4x4 matrix of finite numbers"));
  }
  const std::size_t width = values.size() == 9 ? 3 : 4;
  Intrinsics k;
  for (std::size_t i = 0; i < 9; ++i) k[i] = values[i / 3 * width + i % 3];
  return k;
}

std::optional<Intrinsics> read_camera(const fs::path& folder, const std::string& name,
                                      Findings& findings) {
  std::optional<Intrinsics> k;
  if (name.empty()) return k;  // check_frames says so
  const std::string path = (folder / name).string();
  findings.attempt("intrinsics", path, [&] {
    const std::string text = read_text(path, "a 3x3 or 4x4 matrix of numbers", kMostText);
    k = camera_matrix(numbers_of(text, path, "a 3x3 or 4x4 matrix of numbers"), path);
  });
  return k;
}

// SensReader's _info.txt: lines "m_calibrationColorIntrinsic = " and 16 numbers.
void read_info(const fs::path& path, SceneSource& source, Findings& findings) {
  findings.attempt("intrinsics", path.string(), [&] {
    std::istringstream lines(read_text(path, "the _info.txt of SensReader", kMostText));
    for (std::string line; std::getline(lines, line);) {
      const auto equals = line.find('=');
      if (equals == std::string::npos) continue;
      const std::string key(trim(std::string_view(line).substr(0, equals)));
      const std::string where = path.string() + ", " + key, rest = line.substr(equals + 1);
      const auto values = [&] { return numbers_of(rest, where, "16 numbers, row by row"); };
      if (key == "m_calibrationColorIntrinsic") source.K_color = camera_matrix(values(), where);
      if (key == "m_calibrationDepthIntrinsic") source.K_depth = camera_matrix(values(), where);
      if (key == "m_depthShift") {
        const auto shift = parse_double(trim(rest));
        if (!shift)
          throw FormatError(explain(where, fmt::format("\"{}\"", trim(rest)), "a number"));
        source.depth_shift = *shift;
        check_depth_shift(path.string(), *shift, source.shifted, findings);
      }
      const bool color = key == "m_calibrationColorExtrinsic";
      if (!color && key != "m_calibrationDepthExtrinsic") continue;
      Pose matrix{};
      const auto all = values();
      std::copy_n(all.begin(), std::min<std::size_t>(16, all.size()), matrix.begin());
      check_extrinsic(path.string(), color ? "colour" : "depth", matrix, findings);
    }
  });
}

// intrinsic/extrinsic_color.txt and _depth.txt of SensReader's Python exporter.
void read_extrinsics(const fs::path& folder, Findings& findings) {
  for (const char* camera : {"color", "depth"}) {
    const fs::path path = folder / "intrinsic" / fmt::format("extrinsic_{}.txt", camera);
    std::error_code code;
    if (!fs::exists(path, code)) continue;
    findings.attempt("intrinsics", path.string(), [&] {
      check_extrinsic(path.string(), camera == std::string_view("color") ? "colour" : camera,
                      read_pose(path), findings);
    });
  }
}

// Poses of the frames that have a picture. A finding names all frames with the same fault.
struct Poses {
  std::map<std::int64_t, Pose> good;
  LostPoses lost;
};

Poses read_poses(const fs::path& folder, const FolderLayout& layout, std::int64_t pictures,
                 Findings& findings) {
  Poses poses;
  Ids missing, malformed;
  std::string first_missing, first_malformed;
  for (const auto& [id, files] : layout.frames) {
    if (files.color.empty()) continue;
    if (files.pose.empty()) {
      if (missing.empty()) first_missing = files.color;
      missing.push_back(id);
      continue;
    }
    try {
      const auto pose = read_pose(folder / files.pose);
      if (!poses.lost.count_if_lost(id, pose)) poses.good[id] = pose;
    } catch (const InputError& error) {
      if (malformed.empty()) first_malformed = error.what();
      malformed.push_back(id);
    }
  }
  const std::string where = folder.string();
  if (!missing.empty()) {
    const bool seven = first_missing.starts_with("frame-");
    const bool apart = first_missing.starts_with("color/");
    findings.add(Severity::kError, "poses", where,
                 fmt::format("{} without a pose file (the first: {})",
                             plural(missing.size(), "picture"), first_missing),
                 fmt::format("add {}, or remove the pictures",
                             seven ? std::string("frame-NNNNNN.pose.txt")
                                   : (apart ? "pose/" : "") +
                                         fs::path(first_missing).stem().string() + ".txt"),
                 missing);
  }
  if (!malformed.empty()) {
    findings.add(Severity::kError, "poses", where,
                 fmt::format("{} that cannot be read: {}", plural(malformed.size(), "pose file"),
                             first_malformed),
                 "copy or export the pose files again, or remove the pictures", malformed);
  }
  poses.lost.report(where, static_cast<std::size_t>(pictures), findings);
  return poses;
}

// Files that lack their picture, frames that lack their depth map.
void check_partners(const fs::path& folder, const FolderLayout& layout, Findings& findings) {
  Ids orphans, without;
  std::int64_t pictures = 0;
  for (const auto& [id, files] : layout.frames) {
    if (files.color.empty())
      orphans.push_back(id);
    else if (++pictures; files.depth.empty())
      without.push_back(id);
  }
  if (!orphans.empty()) {
    findings.add(Severity::kWarning, "color", folder.string(),
                 fmt::format("{} with a pose or a depth map, but no picture",
                             plural(orphans.size(), "frame")),
                 "these frames do not count: is the copy whole?", orphans);
  }
  if (std::ssize(without) == pictures) {
    findings.add(Severity::kNote, "depth", folder.string(), "no depth maps",
                 "features do not need them; stages that place tokens in space do");
  } else if (!without.empty()) {
    findings.add(Severity::kWarning, "depth", folder.string(),
                 fmt::format("{} of {} frames have no depth map", without.size(), pictures),
                 "stages that place tokens in space cannot use these frames", without);
  }
}

// The frames that can be used, whatever the others lack.
void add_frames(SceneSource& source, const FolderLayout& layout, Findings& findings) {
  Ids all;
  for (const auto& [id, files] : layout.frames) {
    all.push_back(id);
    source.found += files.color.empty() ? 0 : 1;
  }
  findings.number(std::move(all));
  Poses poses;
  if (layout.with_poses) poses = read_poses(source.root, layout, source.found, findings);
  source.dropped_nonfinite_poses = poses.lost.count();
  for (const auto& [id, files] : layout.frames) {
    const auto pose = poses.good.find(id);
    if (files.color.empty() || (layout.with_poses && pose == poses.good.end())) continue;
    FrameRef frame;
    frame.id = id;
    frame.time_s = files.time_s;
    frame.color = source.root / files.color;
    if (!files.depth.empty()) frame.depth = source.root / files.depth;
    if (layout.with_poses) frame.world_from_cam = pose->second;
    source.frames.push_back(std::move(frame));
  }
  if (source.frames.empty() && !findings.has(Severity::kError)) {
    findings.add(Severity::kError, "poses", source.root.string(),
                 fmt::format("{} frames, none with a finite pose", source.found));
  }
}

SceneSource open_folder(const fs::path& folder, const SourceOptions& options, Findings& findings) {
  const FolderLayout layout = detail::read_layout(folder, findings);
  SceneSource source;
  if (!layout.stream.empty()) {
    source = open_sens(layout.stream, options, findings);
    source.scan = layout.scan;
    return source;
  }
  source.dialect = layout.dialect;
  source.root = folder;
  source.exif = options.exif;
  source.shifted = options.depth_shift;
  source.scan = layout.scan;
  add_frames(source, layout, findings);
  if (layout.dialect == "images") return source;
  check_partners(folder, layout, findings);
  if (!layout.with_poses)
    findings.add(Severity::kWarning, "poses", folder.string(), "no folder pose/: no poses",
                 "features can be computed; scene files cannot");
  source.K_color = read_camera(folder, layout.K_color, findings);
  source.K_depth = layout.K_depth == layout.K_color ? source.K_color
                                                    : read_camera(folder, layout.K_depth, findings);
  if (!layout.info.empty()) read_info(folder / layout.info, source, findings);
  if (layout.dialect == "sensreader") read_extrinsics(folder, findings);
  return source;
}

SceneSource open_file(const fs::path& file, const SourceOptions& options, Findings& findings) {
  if (is_sens(file)) {
    SceneSource source = open_sens(file, options, findings);
    source.scan = detail::scan_of_stream(file);
    return source;
  }
  try {
    return open_video(file, options, findings);
  } catch (const FormatError& error) {
    throw FormatError(std::string(error.what()) +
                      " (a scene is a folder of frames, a .sens file or a video)");
  }
}

}  // namespace

SceneSource open_source(const fs::path& path, const SourceOptions& options, Findings& findings) {
  SceneSource source;
  source.root = path;
  findings.attempt("frames", path.string(), [&] {
    try {
      std::error_code code;
      source = fs::is_regular_file(path, code) ? open_file(path, options, findings)
                                               : open_folder(path, options, findings);
    } catch (const fs::filesystem_error& error) {
      throw InputError(error.what());
    }
  });
  check_poses(source, findings);
  check_times(source, findings);
  return source;
}

SceneSource open_source(const fs::path& path, const SourceOptions& options) {
  Findings findings(Findings::AtError::kThrow);
  SceneSource source = open_source(path, options, findings);
  findings.log(path.string(), path.string());
  return source;
}

}  // namespace vega
