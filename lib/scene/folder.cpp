#include "scene/folder.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <set>
#include <string_view>

#include "base/error.h"
#include "base/text.h"
#include "scene/picture_names.h"
#include "scene/unread.h"

namespace vega::detail {
namespace fs = std::filesystem;
namespace {

using Numbered = std::map<std::int64_t, FrameFiles>;
using Slot = std::string FrameFiles::*;

bool is_jpeg(const std::string& ending) { return ending == ".jpg" || ending == ".jpeg"; }

bool is_picture(const std::string& name) {
  const std::string ending = lower(fs::path(name).extension().string());
  return is_jpeg(ending) || ending == ".png";
}

// Which of a frame's files a name stands for. ending: what follows the number in the name, in lower
// case. Null: none of them.
Slot scannet_slot(const std::string& ending) {
  if (is_jpeg(ending)) return &FrameFiles::color;
  if (ending == ".txt") return &FrameFiles::pose;
  return ending == ".png" ? &FrameFiles::depth : nullptr;
}
Slot seven_scenes_slot(const std::string& ending) {
  if (ending == ".color.jpg" || ending == ".color.jpeg" || ending == ".color.png")
    return &FrameFiles::color;
  if (ending == ".pose.txt") return &FrameFiles::pose;
  return ending == ".depth.png" || ending == ".depth.pgm" ? &FrameFiles::depth : nullptr;
}
Slot color_slot(const std::string& ending) {
  return is_jpeg(ending) || ending == ".png" ? &FrameFiles::color : nullptr;
}
Slot depth_slot(const std::string& ending) {
  return ending == ".png" || ending == ".pgm" ? &FrameFiles::depth : nullptr;
}
Slot pose_slot(const std::string& ending) { return ending == ".txt" ? &FrameFiles::pose : nullptr; }

// Frames of one layout, and files whose place another file had taken already.
struct Found {
  std::map<std::int64_t, FrameFiles> frames;
  std::vector<std::string> twice;  // "frame 20 twice: 00020.jpg and 20.jpg"

  bool any(Slot one, Slot other) const {
    return std::any_of(frames.begin(), frames.end(), [&](const auto& frame) {
      return !(frame.second.*one).empty() && !(frame.second.*other).empty();
    });
  }
  bool any(Slot one) const { return any(one, one); }
};

// Adds the files PREFIX NUMBER ENDING; `below` is put in front of their names.
void collect(const std::vector<std::string>& names, const std::string& prefix,
             const std::string& below, Slot (*slot)(const std::string&), Found& found) {
  for (const std::string& name : names) {
    const auto dot = name.find('.');
    if (!name.starts_with(prefix) || dot == std::string::npos) continue;
    std::int64_t id = 0;
    const Slot part = slot(lower(name.substr(dot)));
    if (part == nullptr || !whole_number(name.substr(prefix.size(), dot - prefix.size()), id))
      continue;
    std::string& place = found.frames[id].*part;
    if (place.empty())
      place = below + name;
    else
      found.twice.push_back(fmt::format("frame {} twice: {} and {}", id, place, below + name));
  }
}

// color/, depth/, pose/ as SensReader's Python exporter and scannet_frames_25k have them.
Found collect_apart(const fs::path& folder, const Entries& here) {
  Found found;
  if (!here.has_folder("color")) return found;
  collect(list_entries(folder / "color").files, "", "color/", color_slot, found);
  if (here.has_folder("depth"))
    collect(list_entries(folder / "depth").files, "", "depth/", depth_slot, found);
  if (here.has_folder("pose"))
    collect(list_entries(folder / "pose").files, "", "pose/", pose_slot, found);
  return found;
}

// A PNG of 16-bit grey: a depth map.
bool is_depth_png(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::array<char, 26> head{};
  if (!file.read(head.data(), head.size())) return false;
  return std::string_view(head.data(), 4) == "\x89PNG" && head[24] == 16 && head[25] == 0;
}

// Posed frames whose colour pictures are PNG: NNNNN.png that are no depth maps, and no NNNNN.jpg.
void take_png_colors(const fs::path& folder, Found& found) {
  if (found.any(&FrameFiles::color) || !found.any(&FrameFiles::depth)) return;
  const auto first = std::find_if(found.frames.begin(), found.frames.end(),
                                  [](const auto& frame) { return !frame.second.depth.empty(); });
  if (is_depth_png(folder / first->second.depth)) {
    throw InputError(explain(folder.string(), "poses with depth maps (16-bit grey PNG) only",
                             "colour pictures NNNNN.jpg or NNNNN.png", "is the copy whole?"));
  }
  for (auto& [id, files] : found.frames) std::swap(files.color, files.depth);
}

std::string first_of(const fs::path& folder, std::initializer_list<const char*> names) {
  std::error_code code;
  for (const char* name : names) {
    if (fs::is_regular_file(folder / name, code)) return name;
  }
  return {};
}

// Pictures among the names. Where they are of several kinds, PNG files that are depth maps are
// none; in that case they stay unread, and are named.
std::vector<std::string> plain_pictures(const fs::path& folder, const Entries& entries) {
  std::map<std::string, std::vector<std::string>> kinds;  // by ending and the text before numbers
  for (const std::string& name : entries.files) {
    if (!is_picture(name)) continue;
    const std::string front = name.substr(0, name.find_first_of("0123456789"));
    kinds[lower(fs::path(name).extension().string()) + front].push_back(name);
  }
  std::vector<std::string> out;
  for (const auto& [kind, names] : kinds) {
    if (kinds.size() > 1 && kind.starts_with(".png") && is_depth_png(folder / names.front()))
      continue;
    out.insert(out.end(), names.begin(), names.end());
  }
  return out;
}

// Pictures that are not read.
constexpr std::array kOtherPictures{".webp", ".heic", ".heif", ".avif", ".tif", ".tiff", ".bmp",
                                    ".gif",  ".jp2",  ".jxl",  ".exr",  ".dng", ".ppm"};

[[noreturn]] void refuse_empty(const fs::path& folder, const Entries& entries) {
  std::map<std::string, std::size_t> endings;
  for (const std::string& name : entries.files)
    ++endings[lower(fs::path(name).extension().string())];
  std::string found, below;
  for (const auto& [ending, count] : endings) {
    if (!ending.empty()) found += fmt::format("{}{} *{}", found.empty() ? "" : ", ", count, ending);
  }
  if (!found.empty()) found = " (" + found.substr(0, 120) + ")";
  const bool other = std::any_of(kOtherPictures.begin(), kOtherPictures.end(),
                                 [&](const char* ending) { return endings.contains(ending); });
  for (const std::string& name : entries.folders) {
    std::error_code code;
    const fs::directory_iterator inside(folder / name, code);
    const bool pictures = !code && std::any_of(begin(inside), end(inside), [](const auto& entry) {
      return is_picture(entry.path().filename().string());
    });
    if (pictures) below += (below.empty() ? "pictures lie in " : ", ") + name + "/";
  }
  throw InputError(explain(
      folder.string(), fmt::format("no frames among {} files{}", entries.files.size(), found),
      "NNNNN.jpg with NNNNN.txt (ScanNet), frame-NNNNNN.color.jpg with .pose.txt "
      "(7-Scenes), color/, depth/ and pose/ (SensReader), or *.jpg, *.jpeg, *.png",
      !below.empty() ? below + ": give that folder"
      : other        ? "convert the pictures to JPEG or PNG"
                     : ""));
}

// The .sens of a folder: that of the scan's name, else the only one.
fs::path stream_of(const fs::path& folder, const Entries& entries, const std::string& scan,
                   bool only_own) {
  std::vector<std::string> streams;
  for (const std::string& name : entries.files) {
    if (name == scan + ".sens") return folder / name;
    if (name.ends_with(".sens")) streams.push_back(name);
  }
  if (only_own || streams.empty()) return {};
  if (streams.size() == 1) return folder / streams.front();
  throw InputError(explain(folder.string(), "several streams: " + shown_names(streams),
                           "one scene a folder", "give one of them as the scene"));
}

// Names of all files that the layout takes.
std::set<std::string> names_taken(const FolderLayout& layout) {
  std::set<std::string> names{layout.K_color, layout.K_depth, layout.info};
  for (const auto& [id, files] : layout.frames)
    names.insert({files.color, files.pose, files.depth});
  return names;
}

// Says the order where the names leave it open.
void warn_of_order(const fs::path& folder, const PictureOrder& order, Findings& findings) {
  if (order.doubt.empty()) return;
  std::vector<std::string> names;
  for (const NamedPicture& picture : order.pictures) names.push_back(picture.name);
  findings.add(Severity::kWarning, "frames", folder.string(),
               fmt::format("the names leave order or ids open ({}), taken as {}", order.doubt,
                           shown_names(names)),
               "number the pictures, such as 00000.jpg");
}

std::map<std::int64_t, FrameFiles> frames_of(const PictureOrder& order) {
  std::map<std::int64_t, FrameFiles> out;
  for (const NamedPicture& picture : order.pictures)
    out[picture.id] = {picture.name, {}, {}, picture.time_s};
  return out;
}

// Numbers that an id cannot hold, such as time stamps, become places and times.
void renumber(const fs::path& folder, std::map<std::int64_t, FrameFiles>& frames,
              Findings& findings) {
  if (frames.empty() || frames.rbegin()->first <= kMaxFrameId) return;
  std::vector<std::string> names;
  for (const auto& [id, files] : frames) names.push_back(std::to_string(id) + ".jpg");
  const PictureOrder order = order_pictures(names);  // numbers: the order stays
  warn_of_order(folder, order, findings);
  std::map<std::int64_t, FrameFiles> out;
  auto picture = order.pictures.begin();
  for (auto& [number, files] : frames) {
    files.time_s = picture->time_s;
    out[picture++->id] = std::move(files);
  }
  frames = std::move(out);
}

std::string example(const Found& found) {
  for (const auto& [id, files] : found.frames) {
    if (!files.color.empty()) return files.color;
  }
  return {};
}

}  // namespace

FolderLayout read_layout(const fs::path& folder, Findings& findings) {
  const Entries here = list_entries(folder);
  FolderLayout out;
  out.scan = scan_name(folder, here, findings);
  Found seven, scannet, apart = collect_apart(folder, here);
  collect(here.files, "frame-", "", seven_scenes_slot, seven);
  collect(here.files, "", "", scannet_slot, scannet);
  const Slot color = &FrameFiles::color;
  const std::string camera =
      first_of(folder, {"intrinsic.txt", "intrinsic_color.txt", "intrinsics_color.txt",
                        "intrinsic/intrinsic_color.txt"});
  const bool posed = !camera.empty() || scannet.any(color, &FrameFiles::pose) ||
                     scannet.any(&FrameFiles::depth, &FrameFiles::pose);
  if (posed && !apart.any(color)) take_png_colors(folder, scannet);
  const bool is_seven = seven.any(color), is_apart = apart.any(color),
             is_scannet = posed && scannet.any(color);
  if (is_seven + is_scannet + is_apart > 1) {
    throw InputError(explain(
        folder.string(),
        fmt::format("two scenes in one folder ({} and {})", example(is_seven ? seven : scannet),
                    example(is_apart ? apart : scannet)),
        "one dialect a folder"));
  }
  Found& found = is_seven ? seven : is_apart ? apart : scannet;
  if (is_seven) {
    out.dialect = "7scenes";
    out.with_poses = true;
    out.K_color = out.K_depth = first_of(folder, {"camera-intrinsics.txt"});
    if (out.K_color.empty()) out.info = first_of(folder, {"_info.txt", "info.txt"});
    if (!out.info.empty()) out.dialect = "sensreader";
  } else if (is_apart || is_scannet) {
    out.dialect = is_apart ? "sensreader" : "scannet";
    out.with_poses = is_scannet || here.has_folder("pose");
    out.K_color = camera;
    out.K_depth = first_of(folder, {"depth_intrinsic.txt", "intrinsic_depth.txt",
                                    "intrinsics_depth.txt", "intrinsic/intrinsic_depth.txt"});
  } else {
    auto pictures = plain_pictures(folder, here);
    out.stream = stream_of(folder, here, out.scan, !pictures.empty());
    if (!out.stream.empty()) return out;
    if (pictures.empty()) refuse_empty(folder, here);
    out.dialect = "images";
    const PictureOrder order = order_pictures(std::move(pictures));
    warn_of_order(folder, order, findings);
    out.frames = frames_of(order);
  }
  if (out.dialect != "images") {
    for (const std::string& twice : found.twice)
      findings.add(Severity::kError, "frames", folder.string(), twice, "remove one of them");
    out.frames = std::move(found.frames);
    renumber(folder, out.frames, findings);
  }
  report_unread(folder, here, names_taken(out), out.scan, findings);
  return out;
}

std::string scan_of_stream(const fs::path& sens) {
  const std::string own = sens.stem().string();
  const Entries here = list_entries(fs::absolute(sens).parent_path());
  const auto streams = std::count_if(here.files.begin(), here.files.end(),
                                     [](const auto& name) { return name.ends_with(".sens"); });
  const auto names = scan_names(here);
  return streams == 1 && names.size() == 1 ? *names.begin() : own;
}

}  // namespace vega::detail
