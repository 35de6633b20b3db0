#include "scene/source.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <sstream>
#include <string_view>

#include "base/error.h"
#include "base/log.h"
#include "scene/sens_source.h"
#include "scene/video_source.h"

namespace vega {

namespace fs = std::filesystem;

namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Digits only, at most 18 of them.
std::optional<std::int64_t> parse_number(std::string_view text) {
  if (text.empty() || text.size() > 18 || !std::all_of(text.begin(), text.end(), is_digit)) {
    return std::nullopt;
  }
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

bool is_jpeg_name(const std::string& extension) {
  return extension == ".jpg" || extension == ".jpeg";
}

bool is_picture_name(const std::string& extension) {
  return is_jpeg_name(extension) || extension == ".png";
}

// Names in a folder, without hidden ones (such as the "._x.jpg" of other systems), in byte order.
std::vector<std::string> list_names(const fs::path& folder) {
  std::error_code code;
  if (!fs::is_directory(folder, code)) {
    throw InputError(explain(folder.string(), fs::exists(folder, code) ? "a file" : "nothing there",
                             "a folder with the frames of a scene"));
  }
  std::vector<std::string> names;
  fs::directory_iterator entry(folder, code);
  for (; !code && entry != fs::directory_iterator(); entry.increment(code)) {
    std::string name = entry->path().filename().string();
    if (!name.empty() && name[0] != '.') names.push_back(std::move(name));
  }
  if (code) {
    throw InputError(explain(folder.string(), "a folder that cannot be read: " + code.message(),
                             "read permission"));
  }
  std::sort(names.begin(), names.end());
  return names;
}

// Runs of digits compare as numbers, everything else byte by byte.
bool natural_less(const std::string& a, const std::string& b) {
  std::size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (!is_digit(a[i]) || !is_digit(b[j])) {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i;
      ++j;
      continue;
    }
    const auto run = [](const std::string& text, std::size_t& at) {
      while (at < text.size() && text[at] == '0') ++at;
      const std::size_t start = at;
      while (at < text.size() && is_digit(text[at])) ++at;
      return std::string_view(text).substr(start, at - start);
    };
    const auto x = run(a, i), y = run(b, j);
    if (x.size() != y.size()) return x.size() < y.size();
    if (x != y) return x < y;
  }
  if ((i < a.size()) != (j < b.size())) return j < b.size();
  return a < b;  // equal but for leading zeros
}

// The numbers of a small text file; "inf", "-inf" and "nan" count.
std::vector<double> read_numbers(const fs::path& path, std::string_view expected) {
  std::ifstream file(path);
  if (!file) {
    throw InputError(explain(path.string(), "a file that cannot be read", expected));
  }
  std::vector<double> values;
  std::string word;
  while (file >> word) {
    const char* start = word.data() + (word[0] == '+' ? 1 : 0);
    const char* end = word.data() + word.size();
    double value = 0;
    const auto [at, code] = std::from_chars(start, end, value);
    if (code != std::errc{} || at != end) {
      throw FormatError(
          explain(path.string(), fmt::format("\"{}\"", word.substr(0, 40)), expected));
    }
    values.push_back(value);
    if (values.size() > 1000) break;
  }
  return values;
}

Pose read_pose(const fs::path& path) {
  constexpr std::string_view kExpected = "16 numbers, camera to world, row by row";
  const auto values = read_numbers(path, kExpected);
  if (values.size() != 16) {
    throw FormatError(explain(path.string(), fmt::format("{} numbers", values.size()), kExpected));
  }
  Pose pose;
  std::copy(values.begin(), values.end(), pose.begin());
  return pose;
}

// 3x3 from a file of 3x3 or 4x4 numbers; nothing, with a warning, where the file is missing.
std::optional<Intrinsics> read_intrinsics(const fs::path& path) {
  constexpr std::string_view kExpected = "a 3x3 or 4x4 matrix of finite numbers";
  std::error_code code;
  if (!fs::exists(path, code)) {
    log_warn("{}: not there; these intrinsics are unknown", path.string());
    return std::nullopt;
  }
  const auto values = read_numbers(path, kExpected);
  const bool finite =
      std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
  if ((values.size() != 9 && values.size() != 16) || !finite) {
    throw FormatError(explain(
        path.string(), fmt::format("{} numbers{}", values.size(), finite ? "" : ", not all finite"),
        kExpected));
  }
  const std::size_t width = values.size() == 9 ? 3 : 4;
  Intrinsics k;
  for (std::size_t i = 0; i < 9; ++i) k[i] = values[i / 3 * width + i % 3];
  return k;
}

// "frame-000016.color.jpg" -> 16.
std::optional<std::int64_t> seven_scenes_number(const std::string& name) {
  constexpr std::string_view kPrefix = "frame-";
  if (name.rfind(kPrefix, 0) != 0) return std::nullopt;
  const auto dot = name.find('.');
  if (dot == std::string::npos) return std::nullopt;
  const std::string rest = lower(name.substr(dot));
  if (rest != ".color.jpg" && rest != ".color.jpeg" && rest != ".color.png") return std::nullopt;
  return parse_number(std::string_view(name).substr(kPrefix.size(), dot - kPrefix.size()));
}

// "00010.jpg" -> 10.
std::optional<std::int64_t> scannet_number(const std::string& name) {
  const fs::path path(name);
  if (!is_jpeg_name(lower(path.extension().string()))) return std::nullopt;
  return parse_number(path.stem().string());
}

// Frames by number; the name of each colour file.
using NumberedNames = std::map<std::int64_t, std::string>;

template <typename Number>
NumberedNames numbered(const fs::path& folder, const std::vector<std::string>& names,
                       Number number) {
  NumberedNames found;
  for (const auto& name : names) {
    const auto id = number(name);
    if (!id) continue;
    const auto [at, fresh] = found.emplace(*id, name);
    if (!fresh) {
      throw InputError(explain(folder.string(),
                               fmt::format("frame {} twice: {} and {}", *id, at->second, name),
                               "one colour file a frame", "remove one of them"));
    }
  }
  return found;
}

// Frames with pose files and perhaps depth. `stem` gives the part of a name that the files of a
// frame share.
template <typename Stem>
void add_posed(SceneSource& source, const NumberedNames& colors, Stem stem,
               std::string_view pose_end, std::string_view depth_end) {
  std::int64_t without_depth = 0;
  for (const auto& [id, name] : colors) {
    FrameRef frame;
    frame.id = id;
    frame.time_s = kUnknown;
    frame.color = source.root / name;
    const std::string start = stem(name);
    const fs::path pose = source.root / (start + std::string(pose_end));
    const fs::path depth = source.root / (start + std::string(depth_end));
    std::error_code code;
    if (!fs::exists(pose, code)) {
      throw InputError(explain(pose.string(), "no such file", fmt::format("the pose of {}", name),
                               "add it, or remove the picture"));
    }
    frame.world_from_cam = read_pose(pose);
    if (!std::all_of(frame.world_from_cam->begin(), frame.world_from_cam->end(),
                     [](double v) { return std::isfinite(v); })) {
      ++source.dropped_nonfinite_poses;
      continue;
    }
    if (fs::exists(depth, code)) frame.depth = depth;
    if (frame.depth.empty()) ++without_depth;
    source.frames.push_back(std::move(frame));
  }
  if (source.frames.empty()) {
    throw InputError(explain(source.root.string(),
                             fmt::format("{} frames, none with a finite pose", colors.size()),
                             "at least one"));
  }
  const auto kept = static_cast<std::int64_t>(source.frames.size());
  if (without_depth > 0 && without_depth < kept) {
    log_warn("{}: {} of {} frames have no depth file", source.root.string(), without_depth, kept);
  }
}

void read_scannet(SceneSource& source, const NumberedNames& colors) {
  source.dialect = "scannet";
  const auto stem = [](const std::string& name) { return fs::path(name).stem().string(); };
  add_posed(source, colors, stem, ".txt", ".png");
  source.K_color = read_intrinsics(source.root / "intrinsic.txt");
  const bool depth = std::any_of(source.frames.begin(), source.frames.end(),
                                 [](const FrameRef& frame) { return !frame.depth.empty(); });
  if (depth) source.K_depth = read_intrinsics(source.root / "depth_intrinsic.txt");
}

void read_seven_scenes(SceneSource& source, const NumberedNames& colors) {
  source.dialect = "7scenes";
  const auto stem = [](const std::string& name) { return name.substr(0, name.find('.')); };
  add_posed(source, colors, stem, ".pose.txt", ".depth.png");
  source.K_color = source.K_depth = read_intrinsics(source.root / "camera-intrinsics.txt");
}

// The last run of digits in a name's stem.
std::optional<std::int64_t> last_number(const std::string& name) {
  const std::string stem = fs::path(name).stem().string();
  std::size_t end = stem.size();
  while (end > 0 && !is_digit(stem[end - 1])) --end;
  std::size_t start = end;
  while (start > 0 && is_digit(stem[start - 1])) --start;
  return parse_number(std::string_view(stem).substr(start, end - start));
}

void read_pictures(SceneSource& source, std::vector<std::string> names) {
  source.dialect = "images";
  std::sort(names.begin(), names.end(), natural_less);
  NumberedNames by_number, by_place;
  for (const auto& name : names) {
    by_place.emplace(static_cast<std::int64_t>(by_place.size()), name);
    if (const auto number = last_number(name)) by_number.emplace(*number, name);
  }
  const bool unique = by_number.size() == names.size();
  if (!unique) {
    log_debug("{}: names without a number of their own; frames are counted in natural order",
              source.root.string());
  }
  for (const auto& [id, name] : unique ? by_number : by_place) {
    source.frames.push_back({id, source.root / name, {}, std::nullopt, kUnknown});
  }
}

// NAME.sens in a folder called NAME, as in ScanNet's scans/; empty where there is none.
fs::path own_sens(const fs::path& folder, const std::vector<std::string>& names) {
  const fs::path whole = fs::absolute(folder).lexically_normal();
  const std::string name =
      (whole.has_filename() ? whole : whole.parent_path()).filename().string() + ".sens";
  return std::binary_search(names.begin(), names.end(), name) ? folder / name : fs::path();
}

}  // namespace

SceneSource open_source(const fs::path& folder, const SourceOptions& options) {
  std::error_code code;
  if (fs::is_regular_file(folder, code)) {
    if (is_sens(folder)) return open_sens(folder, options);
    try {
      return open_video(folder, {options.stream, options.on_decode_error});
    } catch (const FormatError& error) {
      throw FormatError(std::string(error.what()) +
                        " (a scene is a folder of frames, a .sens file or a video)");
    }
  }
  const auto names = list_names(folder);
  SceneSource source;
  source.root = folder;
  source.exif = options.exif;
  const auto seven = numbered(folder, names, seven_scenes_number);
  // A folder is ScanNet's when a numbered JPEG has a pose beside it, or its intrinsics are there.
  const auto has = [&](const std::string& name) {
    return std::binary_search(names.begin(), names.end(), name);
  };
  const bool posed = has("intrinsic.txt") || std::any_of(names.begin(), names.end(), [&](auto& n) {
                       return scannet_number(n) && has(fs::path(n).stem().string() + ".txt");
                     });
  const auto scannet = posed ? numbered(folder, names, scannet_number) : NumberedNames{};
  if (!seven.empty() && !scannet.empty()) {
    throw InputError(explain(folder.string(),
                             fmt::format("two scenes in one folder ({} and {})",
                                         seven.begin()->second, scannet.begin()->second),
                             "one dialect a folder"));
  }
  if (!seven.empty()) {
    read_seven_scenes(source, seven);
  } else if (!scannet.empty()) {
    read_scannet(source, scannet);
  } else {
    std::vector<std::string> pictures;
    for (const auto& name : names) {
      if (is_picture_name(lower(fs::path(name).extension().string()))) pictures.push_back(name);
    }
    if (const auto stream = own_sens(folder, names); !stream.empty()) {
      return open_sens(stream, options);
    }
    if (pictures.empty()) {
      throw InputError(explain(folder.string(),
                               fmt::format("no frames among {} files", names.size()),
                               "NNNNN.jpg with NNNNN.txt (ScanNet), frame-NNNNNN.color.jpg with "
                               ".pose.txt (7-Scenes), or *.jpg, *.jpeg, *.png"));
    }
    read_pictures(source, std::move(pictures));
  }
  return source;
}

}  // namespace vega
